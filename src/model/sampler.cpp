#include "sampler.hpp"

#include <algorithm>
#include <numeric>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

ExpertSampler::ExpertSampler(std::vector<double> weights, std::vector<int> node, int max_nodes)
    : weights_(std::move(weights)),
      node_(std::move(node)),
      max_nodes_(max_nodes),
      threshold_(weights_.size(), 1.0),
      alias_(weights_.size()),
      taken_(weights_.size()),
      open_(static_cast<std::size_t>(*std::max_element(node_.begin(), node_.end())) + 1) {
  std::iota(alias_.begin(), alias_.end(), std::size_t{0});
  const double mean = std::accumulate(weights_.begin(), weights_.end(), 0.0) / static_cast<double>(weights_.size());
  MOESIM_EXPECTS(mean > 0);
  std::vector<double> height(weights_.size());
  std::vector<std::size_t> low;
  std::vector<std::size_t> high;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    height[i] = weights_[i] / mean;
    (height[i] < 1 ? low : high).push_back(i);
  }
  while (!low.empty() && !high.empty()) {
    const std::size_t poor = low.back();
    const std::size_t rich = high.back();
    low.pop_back();
    threshold_[poor] = height[poor];
    alias_[poor] = rich;
    height[rich] -= 1 - height[poor];
    if (height[rich] < 1) {
      high.pop_back();
      low.push_back(rich);
    }
  }
}

bool ExpertSampler::allowed(std::size_t expert) const {
  return taken_[expert] != token_ &&
         (max_nodes_ == 0 || open_nodes_ < max_nodes_ || open_[static_cast<std::size_t>(node_[expert])] == token_);
}

std::size_t ExpertSampler::draw_any(RandomStream& random) const {
  const auto [column, fraction] = random.split_below(weights_.size());
  return fraction < threshold_[column] ? column : alias_[column];
}

std::size_t ExpertSampler::draw_among_allowed(RandomStream& random) const {
  double left = 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) left += allowed(i) ? weights_[i] : 0;
  // Experts without load are chosen only when the open machines have no others left.
  const bool by_weight = left > 0;
  if (!by_weight) {
    for (std::size_t i = 0; i < weights_.size(); ++i) left += allowed(i) ? 1 : 0;
  }
  double until = random.uniform() * left;
  std::size_t last = weights_.size();
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (!allowed(i) || (by_weight && weights_[i] <= 0)) continue;
    last = i;  // rounding may leave `until` just above the sum: then the last one it is
    until -= by_weight ? weights_[i] : 1;
    if (until < 0) break;
  }
  MOESIM_ENSURES(last < weights_.size());
  return last;
}

void ExpertSampler::draw(RandomStream& random, std::span<int> chosen) {
  // Drawing from all and refusing those that are not allowed gives the law of drawing among the allowed. Where these
  // have little weight left that takes long; a scan over them has the same law.
  constexpr int kAttempts = 8;
  ++token_;
  open_nodes_ = 0;
  for (int& choice : chosen) {
    std::size_t expert = draw_any(random);
    for (int attempt = 1; attempt < kAttempts && !allowed(expert); ++attempt) expert = draw_any(random);
    if (!allowed(expert)) expert = draw_among_allowed(random);
    taken_[expert] = token_;
    std::uint64_t& open = open_[static_cast<std::size_t>(node_[expert])];
    if (open != token_) {
      open = token_;
      ++open_nodes_;
    }
    choice = static_cast<int>(expert);
  }
}

}  // namespace moesim

#include <algorithm>
#include <cmath>
#include <numeric>

#include "moesim/base/diagnostic.hpp"
#include "moesim/model/routing.hpp"

namespace moesim {

std::vector<double> RoutingResult::row_matrix() const {
  const auto pairs = static_cast<std::size_t>(ranks_) * static_cast<std::size_t>(ranks_);
  return balanced() ? std::vector<double>(pairs, rows_per_pair_) : rows_;
}

double RoutingResult::rows_to_node(int from, int node) const {
  MOESIM_EXPECTS(from >= 0 && from < ranks_ && node >= 0 && node < nodes_);
  if (rows_to_node_.empty()) return 0;
  const auto nodes = static_cast<std::size_t>(nodes_);
  const std::size_t row = rows_to_node_.size() == nodes ? 0 : static_cast<std::size_t>(from);
  return rows_to_node_[row * nodes + static_cast<std::size_t>(node)];
}

double RoutingResult::copies_between(int from, int to) const {
  const double rows = rows_between(from, to);
  if (balanced()) return rank_copies_ * rows;
  const double sent = rows_sent(from);
  return sent > 0 ? sent / top_k_ * (1 - std::pow(1 - rows / sent, top_k_)) : 0;
}

double RoutingResult::rank_copies() const {
  if (balanced()) return rank_copies_;
  double copies = 0;
  for (int from = 0; from < ranks_; ++from) {
    for (int to = 0; to < ranks_; ++to) copies += copies_between(from, to);
  }
  const double rows = total_rows();
  return rows > 0 ? copies / rows : 1;
}

double RoutingResult::rows_sent(int from) const {
  if (balanced()) return ranks_ * rows_per_pair_;
  const auto begin = rows_.begin() + static_cast<std::ptrdiff_t>(from) * ranks_;
  return std::accumulate(begin, begin + ranks_, 0.0);
}

double RoutingResult::rows_received(int to) const {
  if (balanced()) return ranks_ * rows_per_pair_;
  const std::span<const double> rows = expert_rows(to);
  return std::accumulate(rows.begin(), rows.end(), 0.0);
}

std::span<const double> RoutingResult::expert_rows(int rank) const {
  MOESIM_EXPECTS(rank >= 0 && rank < ranks_);
  if (balanced()) return expert_rows_;
  const std::size_t begin = first_expert_[static_cast<std::size_t>(rank)];
  const std::size_t end = first_expert_[static_cast<std::size_t>(rank) + 1];
  return std::span(expert_rows_).subspan(begin, end - begin);
}

int RoutingResult::busiest_rank() const {
  if (balanced()) return 0;
  int busiest = 0;
  double most = rows_received(0);
  for (int rank = 1; rank < ranks_; ++rank) {
    const double rows = rows_received(rank);
    if (rows > most) {
      most = rows;
      busiest = rank;
    }
  }
  return busiest;
}

double RoutingResult::total_rows() const {
  if (balanced()) return rows_sent(0) * ranks_;
  return std::accumulate(expert_rows_.begin(), expert_rows_.end(), 0.0);
}

double RoutingResult::imbalance() const {
  const double total = total_rows();
  return balanced() || total <= 0 ? 1 : busiest_rank_rows() * ranks_ / total;
}

}  // namespace moesim

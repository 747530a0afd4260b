#include "moesim/fit/fit_links.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "fit/link_curve_fit.hpp"
#include "fit/residuals.hpp"

namespace moesim {
namespace {

constexpr double kSmallWeight = 0.4;  // of samples below kSmallestFittedBytes

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double position = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], position - static_cast<double>(below));
}

struct SizedResidual {
  double bytes;
  double log_ratio;
  int fold;  ///< number of what was left out with it
  [[nodiscard]] double error() const { return std::abs(std::exp(-log_ratio) - 1); }
};

std::vector<double> errors_of(const std::vector<SizedResidual>& residuals) {
  std::vector<double> errors;
  for (const SizedResidual& one : residuals) errors.push_back(one.error());
  return errors;
}

/// Of the sizes of one region; of all sizes when the region has none.
double spread_of(const std::vector<SizedResidual>& all, bool large) {
  std::vector<double> in_region;
  std::vector<double> everywhere;
  for (const SizedResidual& one : all) {
    everywhere.push_back(std::abs(one.log_ratio));
    if ((one.bytes >= kLargeBytesPerRank) == large) in_region.push_back(everywhere.back());
  }
  return holding_spread(in_region.empty() ? everywhere : in_region);
}

/// Samples of one family on one side of the machine's border, and how well they are predicted when left out.
class FamilyFitter {
 public:
  FamilyFitter(LinkFamily family, bool network, std::vector<LinkPoint> points, LinkLawShape shape)
      : prefix_(fmt::format("{}{}.", network ? "net." : "", kLinkFamilies[static_cast<std::size_t>(family)])),
        network_(network),
        points_(std::move(points)),
        shape_(std::move(shape)) {
    FittedLaw law;
    law.name = "links";
    for (const auto& [name, value] : shape_.fixed) law.coefficients[prefix_ + name] = value;
    if (!shape_.fixed.empty()) given_ = LinkLaw(law).family(family, network).coefficients;
    if (shape_.contention) given_.contention_ranks = shape_.contention_ranks;
  }

  void validate() {
    leave_all_out();
    note_coverage(by_size_, {});
  }

  /// How much of each GPU count that was left out lies in the interval that all others give.
  /// @param other_counts residuals of the other families
  void note_counts(const std::vector<SizedResidual>& other_counts) { note_coverage(by_count_, other_counts); }

  /// @param other_counts as of note_counts
  void store(FittedLaw& law, const std::vector<SizedResidual>& other_counts) const {
    const LinkCoefficients defaults;
    const LinkCoefficients fitted = fit_points(points_, given_, shape_);
    for (const LinkCoefficientField& field : link_coefficient_fields()) {
      if (fitted.*field.field != defaults.*field.field) {
        law.coefficients[prefix_ + std::string(field.name)] = fitted.*field.field;
      }
    }
    for (std::size_t kind = 0; kind < kLinkKinds.size(); ++kind) {
      if (fitted.efficiency[kind] != 1) {
        law.coefficients[fmt::format("{}efficiency.{}", prefix_, kLinkKinds[kind].name)] = fitted.efficiency[kind];
      }
    }
    Range bytes{1e300, 0};
    Range ranks{1e300, 0};
    for (const LinkPoint& point : points_) {
      bytes = {std::min(bytes.lo, point.sample.bytes), std::max(bytes.hi, point.sample.bytes)};
      ranks = {std::min<double>(ranks.lo, point.sample.ranks), std::max<double>(ranks.hi, point.sample.ranks)};
    }
    law.ranges[prefix_ + "bytes"] = bytes;
    law.ranges[prefix_ + "ranks"] = ranks;
    // A GPU count that was not measured is predicted as well as those that were left out, here and in other families:
    // a family has two or three of them.
    std::vector<SizedResidual> counts = by_count_;
    counts.insert(counts.end(), other_counts.begin(), other_counts.end());
    for (const bool large : {false, true}) {
      law.spreads.push_back({.region = prefix_ + (large ? "large" : "small"),
                             .value = std::max(spread_of(by_size_, large), spread_of(counts, large))});
    }
  }

  [[nodiscard]] bool network() const { return network_; }
  [[nodiscard]] const std::vector<LeftOut>& left_out() const { return left_out_; }
  [[nodiscard]] const std::vector<SizedResidual>& by_count() const { return by_count_; }
  [[nodiscard]] std::vector<SizedResidual> all() const {
    std::vector<SizedResidual> both = by_count_;
    both.insert(both.end(), by_size_.begin(), by_size_.end());
    return both;
  }

 private:
  void leave_all_out() {
    std::set<int> counts;
    std::set<double> sizes;
    for (const LinkPoint& point : points_) {
      counts.insert(point.sample.ranks);
      sizes.insert(point.sample.bytes);
    }
    if (counts.size() >= 3) {
      for (auto count = std::next(counts.begin()); count != counts.end(); ++count) {
        const int ranks = *count;
        if (!others_load_the_same(ranks)) continue;
        leave_out(
            fmt::format("{}ranks {}", prefix_, ranks),
            [ranks](const LinkSample& sample) { return sample.ranks == ranks; }, by_count_);
      }
    }
    constexpr std::size_t kFolds = 5;
    const std::vector<double> ordered(sizes.begin(), sizes.end());
    if (ordered.size() < kFolds) return;
    for (std::size_t fold = 0; fold < kFolds; ++fold) {
      std::set<double> left;
      for (std::size_t i = fold; i < ordered.size(); i += kFolds) left.insert(ordered[i]);
      leave_out(
          fmt::format("{}sizes {} of {}", prefix_, fold + 1, kFolds),
          [&left](const LinkSample& sample) { return left.contains(sample.bytes); }, by_size_);
    }
  }

  /// How much of one thing left out lies in the interval that the others give, and `further` residuals.
  void note_coverage(const std::vector<SizedResidual>& collected, const std::vector<SizedResidual>& further) {
    std::vector<Residual> residuals;
    const auto add = [&](const SizedResidual& one, int fold) {
      residuals.push_back(
          {.log_ratio = one.log_ratio, .region = one.bytes >= kLargeBytesPerRank ? "large" : "small", .fold = fold});
    };
    for (const SizedResidual& one : collected) add(one, one.fold);
    for (const SizedResidual& one : further) add(one, -1);
    const std::vector<bool> held = held_by_other_folds(residuals);
    for (std::size_t i = 0; i < collected.size(); ++i) {
      LeftOut& out = left_out_[static_cast<std::size_t>(residuals[i].fold)];
      out.coverage += held[i] ? 1.0 / out.samples : 0;
    }
  }

  /// Whether each kind of link to be fitted that the samples on `ranks` load is loaded by other samples too: if not,
  /// leaving them out leaves nothing to learn the link from.
  [[nodiscard]] bool others_load_the_same(int ranks) const {
    return std::ranges::all_of(shape_.links, [&](LinkKind kind) {
      const auto loads = [kind](const LinkPoint& point) {
        return point.load.seconds_per_byte[static_cast<std::size_t>(kind)] > 0;
      };
      bool tested = false;
      bool others = false;
      for (const LinkPoint& point : points_) (point.sample.ranks == ranks ? tested : others) |= loads(point);
      return others || !tested;
    });
  }

  /// Errors on `tested` of a fit on the rest; sizes that count fully only.
  void leave_out(std::string what, const std::function<bool(const LinkSample&)>& tested,
                 std::vector<SizedResidual>& collected) {
    std::vector<LinkPoint> kept;
    for (const LinkPoint& point : points_) {
      if (!tested(point.sample)) kept.push_back(point);
    }
    const LinkCoefficients law = fit_points(kept, given_, shape_);
    std::vector<SizedResidual> residuals;
    std::vector<double> ratios;
    for (const LinkPoint& point : points_) {
      if (!tested(point.sample) || point.sample.bytes < kSmallestFittedBytes) continue;
      residuals.push_back({.bytes = point.sample.bytes,
                           .log_ratio = log_ratio(point, law),
                           .fold = static_cast<int>(left_out_.size())});
      ratios.push_back(residuals.back().log_ratio);
    }
    left_out_.push_back({.what = std::move(what),
                         .samples = static_cast<int>(residuals.size()),
                         .median = quantile(errors_of(residuals), 0.5),
                         .p90 = quantile(errors_of(residuals), 0.9),
                         .median_log_ratio = quantile(ratios, 0.5)});
    collected.insert(collected.end(), residuals.begin(), residuals.end());
  }

  std::string prefix_;
  bool network_;
  std::vector<LinkPoint> points_;
  LinkLawShape shape_;
  LinkCoefficients given_;
  std::vector<LeftOut> left_out_;
  std::vector<SizedResidual> by_count_;
  std::vector<SizedResidual> by_size_;
};

using FamilyPoints = std::map<std::pair<LinkFamily, bool>, std::vector<LinkPoint>>;

FamilyPoints points_by_family(const CollectiveModel& model, const std::vector<LinkSample>& samples) {
  FamilyPoints families;
  std::map<std::pair<CollectiveKind, RankGroups>, PhaseLoad> loads;
  for (const LinkSample& sample : samples) {
    if (sample.ranks < 2 || sample.ranks > model.topology().ranks()) {
      throw InputError(
          fmt::format("a sample on {} ranks does not fit a cluster of {}", sample.ranks, model.topology().ranks()));
    }
    const RankGroups groups = sample.all_groups();
    const auto key = std::pair(sample.kind, groups);
    if (!loads.contains(key)) {
      loads[key] = model.plan(sample.kind, AllToAllAlgorithm::flat, groups).phases.front().load;
    }
    const PhaseLoad& load = loads[key];
    families[{link_family(sample.kind), load.network}].push_back(
        {.sample = sample, .load = load, .weight = sample.bytes < kSmallestFittedBytes ? kSmallWeight : 1});
  }
  return families;
}

LinkFit combine(std::vector<FamilyFitter>& fitters, std::size_t samples) {
  LinkFit fit;
  fit.law.name = "links";
  std::vector<SizedResidual> all;
  for (FamilyFitter& fitter : fitters) {
    std::vector<SizedResidual> other_counts;  // on the same side of the machine's border
    for (const FamilyFitter& other : fitters) {
      if (&other == &fitter || other.network() != fitter.network()) continue;
      other_counts.insert(other_counts.end(), other.by_count().begin(), other.by_count().end());
    }
    fitter.note_counts(other_counts);
    fitter.store(fit.law, other_counts);
    fit.left_out.insert(fit.left_out.end(), fitter.left_out().begin(), fitter.left_out().end());
    const std::vector<SizedResidual> of_family = fitter.all();
    all.insert(all.end(), of_family.begin(), of_family.end());
  }
  fit.law.provenance.samples = static_cast<int>(samples);
  fit.law.provenance.median_error = quantile(errors_of(all), 0.5);
  fit.law.provenance.p90_error = quantile(errors_of(all), 0.9);
  fit.law.provenance.validation =
      "left out in turn: every fifth size; each GPU count but the smallest where three were measured; errors at 64 KiB "
      "per rank and more";
  return fit;
}

/// The kind of link that the points load most, relative to its capacity.
LinkKind most_loaded(const std::vector<LinkPoint>& points) {
  std::array<double, kLinkKinds.size()> total{};
  for (const LinkPoint& point : points) {
    const double most = *std::ranges::max_element(point.load.seconds_per_byte);
    for (std::size_t kind = 0; kind < kLinkKinds.size() && most > 0; ++kind) {
      total[kind] += point.load.seconds_per_byte[kind] / most;
    }
  }
  return kLinkKinds[static_cast<std::size_t>(std::distance(total.begin(), std::ranges::max_element(total)))].kind;
}

}  // namespace

LinkLawShapes same_shapes(const LinkLawShape& shape) {
  LinkLawShapes shapes;
  shapes.inside.fill(shape);
  shapes.between.fill(shape);
  return shapes;
}

LinkFit fit_links(const CollectiveModel& model, const std::vector<LinkSample>& samples, const LinkLawShapes& shapes) {
  if (samples.empty()) throw InputError("no samples to fit links to");
  std::vector<FamilyFitter> fitters;
  for (auto& [key, points] : points_by_family(model, samples)) {
    const LinkFamily family = key.first;
    const bool network = key.second;
    const auto& side = network ? shapes.between : shapes.inside;
    fitters.emplace_back(family, network, points, side[static_cast<std::size_t>(family)]).validate();
  }
  return combine(fitters, samples.size());
}

LinkFit fit_links(const CollectiveModel& model, const std::vector<LinkSample>& samples) {
  if (samples.empty()) throw InputError("no samples to fit links to");
  std::vector<FamilyFitter> fitters;
  for (auto& [key, points] : points_by_family(model, samples)) {
    std::optional<FamilyFitter> best;
    double best_error = 0;
    for (const bool contention : {false, true}) {
      for (const bool small_message_cost : {false, true}) {
        LinkLawShape shape;
        shape.links = {most_loaded(points)};
        shape.contention = contention;
        shape.small_message_cost = small_message_cost;
        FamilyFitter fitter(key.first, key.second, points, shape);
        fitter.validate();
        const double error = quantile(errors_of(fitter.all()), 0.5);
        if (best && error >= best_error) continue;
        best = std::move(fitter);
        best_error = error;
      }
    }
    fitters.push_back(std::move(*best));
  }
  return combine(fitters, samples.size());
}

}  // namespace moesim

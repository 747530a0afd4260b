#pragma once

#include <optional>
#include <string>
#include <vector>

#include "moesim/sweep/evaluate.hpp"
#include "moesim/sweep/plan.hpp"

namespace moesim {

/// "speedup = 1 over cluster.nic.bandwidth [of bigmac] [from 1Gbps to 10Tbps]": at which value of a key does a column
/// of a variant have a given value?
struct SolveProblem {
  const SweepColumn* column = nullptr;
  double target = 1;
  std::size_t variant = 0;  ///< index into the plan's variants
  std::string key;
  Number from;
  Number to;
};

/// @throws InputError when it cannot be read, or names what there is not; without from and to the range is the
/// scenario's own value / 64 to x 64
[[nodiscard]] SolveProblem read_solve(const PlacedText& text, const SweepPlan& plan);

/// Where the column crosses its target.
struct Crossing {
  enum class Kind {
    found,
    above,  ///< nowhere: greater than the target in the whole range
    below,
    undefined  ///< no value of the range makes a valid scenario
  };
  Kind kind = Kind::undefined;
  double at = 0;        ///< of whole-number keys: the first value on the other side
  bool rising = false;  ///< beyond it the column is above the target
  int crossings = 0;    ///< of the range as it was sampled; `at` is the first
};

struct Solution {
  Crossing value;
  /// Where the ends of the column's 90 % interval cross the target: between them it is not decided which side is right.
  std::optional<Crossing> of_lo;
  std::optional<Crossing> of_hi;
};

/// Samples the range (33 values, in equal ratios where it is positive) and halves the first interval in which the sign
/// changes. Keys that take whole numbers only are solved between whole numbers.
class Solver {
 public:
  Solver(const SweepPlan& plan, SolveProblem problem);
  [[nodiscard]] Solution solve(const GridPoint& point);
  [[nodiscard]] const SolveProblem& problem() const { return problem_; }

 private:
  enum class End { value, lo, hi };
  struct Sample {
    double x = 0;
    std::shared_ptr<const Prediction> baseline;
    std::shared_ptr<const Prediction> other;
  };
  [[nodiscard]] std::optional<Sample> sample(const GridPoint& point, double x);
  /// The valid scenario next to where validity ends between two values.
  [[nodiscard]] std::optional<Sample> edge_between(const GridPoint& point, double left, double right, bool left_valid);
  [[nodiscard]] double distance(const Sample& sample, End end) const;
  [[nodiscard]] Crossing cross(const GridPoint& point, const std::vector<Sample>& samples, End end);

  const SweepPlan& plan_;
  SolveProblem problem_;
  SweepEvaluator evaluator_;
  bool whole_ = false;  ///< the key takes whole numbers only
};

/// The table: the swept keys, then where the crossing is. One row a point.
[[nodiscard]] std::string solve_table(const SweepPlan& plan, const SolveProblem& problem);

}  // namespace moesim

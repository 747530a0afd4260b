#pragma once

#include <span>
#include <vector>

namespace moesim {

/// Choosing top_k of the experts without replacement. Model: expert i has weight w_i; experts are drawn one after the
/// other, each time in proportion to the weights of those left. That is top-k of log w_i + Gumbel noise (Plackett-Luce:
/// Yellott 1977, J. Math. Psych. 15; Kool, van Hoof, Welling 2019, arXiv 1903.06059), and the k earliest of independent
/// arrivals T_i with rates w_i (Efraimidis, Spirakis 2006, Inf. Proc. Letters 97). The last form gives the exact
/// probabilities below: with p_j(t) = 1 - exp(-w_j t) and N(t) the number of arrivals until t outside a group g of
/// experts (Poisson-binomial),
///
///     P(some expert of g is chosen) = integral over t of W_g exp(-W_g t) P(N(t) <= k - 1),   W_g = sum of w_i in g.
///
/// The integral is taken by the double-exponential rule (Takahasi, Mori 1974), to about 1e-12.

/// Probability that a token chooses at least one expert of each group; `groups[g]` is the number of consecutive experts
/// in group g. All ones give each expert's own probability; these add up to top_k.
/// @pre weights finite and not negative, at least top_k of them positive; groups positive, adding up to weights.size()
[[nodiscard]] std::vector<double> selection_probabilities(std::span<const double> weights, int top_k,
                                                          std::span<const int> groups);
[[nodiscard]] std::vector<double> selection_probabilities(std::span<const double> weights, int top_k);

/// Weights under which expert i is chosen with the given probability (fixed-point iteration; probabilities above 1 -
/// 1e-9 are met as far as finite weights can). @pre probabilities in [0, 1], adding up to top_k
[[nodiscard]] std::vector<double> weights_for_probabilities(std::span<const double> probabilities, int top_k);

/// The same for equal weights, by counting: 1 - C(e - g, k) / C(e, k) for a group of g among e experts.
[[nodiscard]] double uniform_touch_probability(int experts, int group, int top_k);

/// Expected number of distinct machines among a token's top_k experts, uniform routing over `nodes` machines with
/// `experts` / nodes experts each: nodes (1 - C(e - e/n, k) / C(e, k)). With a limit of `max_nodes` (0: none) experts
/// are taken in the order of their scores, those on further machines skipped once max_nodes are open (device-limited
/// routing, DeepSeek-V2, arXiv 2405.04434, section 2.2.2): the mean of min(distinct machines of unlimited routing,
/// max_nodes).
/// @pre experts % nodes == 0; 0 < top_k <= experts (of max_nodes machines, where limited)
[[nodiscard]] double expected_distinct_nodes(int experts, int top_k, int nodes, int max_nodes = 0);

}  // namespace moesim

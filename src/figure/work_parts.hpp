#pragma once

#include <set>
#include <string>
#include <string_view>

#include "figure/parts.hpp"

// Kinds of work that are drawn in one colour: twenty colours cannot be told apart.
namespace moesim::figure {

struct WorkPart {
  std::string_view name;
  std::array<std::string_view, 5> kinds;  ///< names of work kinds; the rest empty
  std::string_view color;
};
inline constexpr std::array kWorkParts = {
    WorkPart{"all-to-all", {"dispatch", "combine"}, kPalette[0]},
    WorkPart{"experts and projections", {"experts", "descend", "ascend", "shared_experts"}, kPalette[1]},
    WorkPart{"permute and router", {"permute", "router"}, kPalette[2]},
    WorkPart{"attention, norms, logits", {"attention", "norms", "embedding", "logits", "dense_ffn"}, kPalette[3]},
    WorkPart{"gradients and optimizer", {"gradient_reduction", "optimizer"}, kPalette[4]},
    WorkPart{"other", {}, kPalette.back()},
};

/// The part that a kind of work belongs to, by its place in kWorkParts; "other" for those unknown.
[[nodiscard]] std::size_t part_of(std::string_view kind);

/// Scale of a colour channel: the parts that are there, in order.
[[nodiscard]] Json part_colors(const std::set<std::size_t>& parts);

}  // namespace moesim::figure

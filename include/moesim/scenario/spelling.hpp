#pragma once

#include <span>
#include <string_view>

namespace moesim {

/// Fewest insertions, deletions, replacements and swaps of neighbours that turn one word into the other (the optimal
/// string alignment distance). O(a b) in time; meant for keys and names.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The word most like `word`, close enough to be meant by it (at most a third of its letters off); empty: none is.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

}  // namespace moesim

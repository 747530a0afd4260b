#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace moesim {

/// An index into one particular sequence: a NodeId cannot be used where a LinkId is meant.
template <class Tag>
struct Id {
  std::uint32_t value = 0;

  constexpr Id() = default;
  constexpr explicit Id(std::size_t index) : value(static_cast<std::uint32_t>(index)) {}
  [[nodiscard]] constexpr std::size_t index() const { return value; }
  friend constexpr auto operator<=>(Id, Id) = default;
};

using NodeId = Id<struct NodeTag>;  ///< a vertex of the cluster graph
using LinkId = Id<struct LinkTag>;  ///< a directed edge of the cluster graph
using RankId = Id<struct RankTag>;  ///< a process, one per GPU, in cluster order
using OpId = Id<struct OpTag>;      ///< an operator of the operation graph

}  // namespace moesim

template <class Tag>
struct std::hash<moesim::Id<Tag>> {
  std::size_t operator()(moesim::Id<Tag> id) const noexcept { return id.index(); }
};

#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "moesim/cluster/topology.hpp"

namespace moesim {

/// Length of a path: hops decide, then latency. Latency is counted in whole picoseconds so that equal sums are equal.
struct Distance {
  int hops = 0;
  std::int64_t picoseconds = 0;
  friend auto operator<=>(const Distance&, const Distance&) = default;
};
inline constexpr Distance kUnreachable{std::numeric_limits<int>::max(), std::numeric_limits<std::int64_t>::max()};

/// Part of a topology (a machine's PCIe tree, its NVLinks, the network) as a Boost graph to search shortest paths in.
class SearchGraph {
 public:
  /// @param nodes    of the part, each once
  /// @param uses     whether a link between two of them may be used
  /// @param forwards whether a path may pass through a node (it may always begin and end there)
  SearchGraph(const Topology& topology, std::vector<NodeId> nodes, const std::function<bool(const Link&)>& uses,
              const std::function<bool(const Node&)>& forwards);
  ~SearchGraph();
  SearchGraph(SearchGraph&&) noexcept;
  SearchGraph& operator=(SearchGraph&&) noexcept;
  SearchGraph(const SearchGraph&) = delete;
  SearchGraph& operator=(const SearchGraph&) = delete;

  /// Distances of all nodes from one.
  class Tree {
   public:
    [[nodiscard]] Distance distance(NodeId to) const;
    [[nodiscard]] bool reaches(NodeId to) const { return distance(to) != kUnreachable; }

   private:
    friend class SearchGraph;
    const SearchGraph* graph_ = nullptr;
    std::size_t source_ = 0;
    std::vector<Distance> distances_;
  };
  [[nodiscard]] Tree search(NodeId from) const;

  /// Number of different shortest paths to each of `targets`, counted up to `most`; 0: unreachable.
  [[nodiscard]] std::vector<int> alternatives(const Tree& tree, std::span<const NodeId> targets, int most) const;

  /// Links of a shortest path in order; where several links are equally short, the one with the lowest LinkId.
  /// @pre tree.reaches(to)
  [[nodiscard]] std::vector<LinkId> path(const Tree& tree, NodeId to) const;

  /// How many paths took each link, to spread further ones.
  class Uses {
   public:
    explicit Uses(const Topology& topology) : by_link_(topology.links().size(), 0) {}
    [[nodiscard]] std::uint32_t of(LinkId link) const { return by_link_[link.index()]; }

   private:
    friend class SearchGraph;
    /// The best way found to a vertex while one path is chosen.
    struct Way {
      std::uint32_t most = 0;  ///< uses of its busiest link
      std::uint32_t sum = 0;
      std::size_t from = 0;
      LinkId last;
      bool open = false;
    };
    std::vector<std::uint32_t> by_link_;
    std::vector<Way> ways_;  ///< by vertex, between calls untouched
  };
  /// The shortest path whose busiest link was used least so far, then with the fewest uses in sum; counts it.
  [[nodiscard]] std::vector<LinkId> spread_path(const Tree& tree, NodeId to, Uses& uses) const;

 private:
  struct Graph;  // the Boost type stays in the .cpp
  [[nodiscard]] std::size_t vertex(NodeId node) const;

  std::unique_ptr<Graph> graph_;
  std::uint32_t first_node_ = 0;
  std::vector<std::uint32_t> vertex_of_;  ///< [node - first_node_]
};

}  // namespace moesim

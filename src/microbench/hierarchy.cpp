#include "microbench/hierarchy.hpp"

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {

TwoLevelExchange two_level_exchange(int rank, int nodes, int per_node, std::int64_t block) {
  MOESIM_EXPECTS(nodes >= 1 && per_node >= 1 && block > 0);
  MOESIM_EXPECTS(rank >= 0 && rank < nodes * per_node);
  const int node = rank / per_node;
  const int local = rank % per_node;
  TwoLevelExchange exchange;
  const std::int64_t of_node = per_node * block;
  const std::int64_t of_peer = nodes * block;
  for (int peer = 0; peer < per_node; ++peer) {
    for (int to = 0; to < nodes; ++to) {
      // Block for rank (to, peer) goes to the neighbour `peer`; the block of neighbour `peer` for (to, local) comes.
      exchange.inside.push_back({.peer = node * per_node + peer,
                                 .send_offset = to * of_node + peer * block,
                                 .receive_offset = peer * of_peer + to * block,
                                 .bytes = block});
    }
  }
  for (int to = 0; to < nodes; ++to) {
    exchange.between.push_back(
        {.peer = to * per_node + local, .send_offset = to * of_node, .receive_offset = to * of_node, .bytes = of_node});
  }
  return exchange;
}

}  // namespace moesim::microbench

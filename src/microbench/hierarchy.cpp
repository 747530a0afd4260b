#include "microbench/hierarchy.hpp"

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {

TwoLevelExchange two_level_exchange(int rank, int nodes, int per_node, std::int64_t block) {
  MOESIM_EXPECTS(nodes >= 1 && per_node >= 1 && block > 0);
  MOESIM_EXPECTS(rank >= 0 && rank < nodes * per_node);
  const int node = rank / per_node;
  const int local = rank % per_node;
  TwoLevelExchange exchange;
  for (int peer = 0; peer < per_node; ++peer) {
    for (int to = 0; to < nodes; ++to) {
      // Block for rank (to, peer) goes to the neighbour `peer`; the block of neighbour `peer` for (to, local) comes.
      exchange.inside.push_back({.peer = node * per_node + peer,
                                 .send_offset = (to * per_node + peer) * block,
                                 .receive_offset = (peer * nodes + to) * block,
                                 .bytes = block});
    }
  }
  for (int to = 0; to < nodes; ++to) {
    exchange.between.push_back({.peer = to * per_node + local,
                                .send_offset = to * per_node * block,
                                .receive_offset = to * per_node * block,
                                .bytes = per_node * block});
  }
  return exchange;
}

}  // namespace moesim::microbench

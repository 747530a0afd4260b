#pragma once

#include <cstdint>
#include <vector>

namespace moesim::microbench {

/// One message of a step: `bytes` from the rank's buffer to `peer`, and as many from it.
struct Message {
  int peer = 0;
  std::int64_t send_offset = 0;
  std::int64_t receive_offset = 0;
  std::int64_t bytes = 0;
};

/// A hierarchical two-dimensional all-to-all of equal blocks (Tutel, arXiv 2206.03382, section 3.4) as one rank runs
/// it: inside the machine by the destination's local rank, blocks regrouped by machine, then one large message to the
/// same local rank of every machine. Ranks are numbered machine by machine.
struct TwoLevelExchange {
  std::vector<Message> inside;   ///< blocks of `block` bytes: from the send buffer to the first scratch buffer
  std::vector<Message> between;  ///< from the second scratch buffer (regrouped) to the receive buffer
  /// The regrouping copies [per_node][nodes] blocks to [nodes][per_node].
};
/// @pre rank < nodes * per_node; block > 0
[[nodiscard]] TwoLevelExchange two_level_exchange(int rank, int nodes, int per_node, std::int64_t block);

}  // namespace moesim::microbench

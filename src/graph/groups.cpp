#include "moesim/graph/op_graph.hpp"

namespace moesim {
namespace {

/// All ranks that agree in every coordinate but those of the group: ranks = outer blocks of `size * stride`, `size`
/// members `stride` apart.
RankGroups strided_groups(int world_size, int size, int stride) {
  RankGroups groups;
  if (size <= 1) return groups;
  for (int block = 0; block < world_size; block += size * stride) {
    for (int offset = 0; offset < stride; ++offset) {
      std::vector<RankId> group;
      group.reserve(static_cast<std::size_t>(size));
      for (int member = 0; member < size; ++member)
        group.emplace_back(static_cast<std::size_t>(block + offset + member * stride));
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

}  // namespace

std::array<RankGroups, kGroupRoles> process_groups(const Parallelism& parallelism) {
  const int world = parallelism.world_size();
  const int per_stage = world / parallelism.pp;
  std::array<RankGroups, kGroupRoles> groups;
  groups[static_cast<std::size_t>(GroupRole::tensor)] = strided_groups(world, parallelism.tp, 1);
  groups[static_cast<std::size_t>(GroupRole::context)] = strided_groups(world, parallelism.cp, parallelism.tp);
  groups[static_cast<std::size_t>(GroupRole::expert_tensor)] = strided_groups(world, parallelism.etp, 1);
  // Dense weights are replicated over context and data ranks.
  groups[static_cast<std::size_t>(GroupRole::data)] =
      strided_groups(world, parallelism.cp * parallelism.dp, parallelism.tp);
  groups[static_cast<std::size_t>(GroupRole::expert)] = strided_groups(world, parallelism.ep, parallelism.etp);
  groups[static_cast<std::size_t>(GroupRole::expert_data)] =
      strided_groups(world, parallelism.expert_dp(), parallelism.etp * parallelism.ep);
  groups[static_cast<std::size_t>(GroupRole::pipeline)] = strided_groups(world, parallelism.pp, per_stage);
  return groups;
}

}  // namespace moesim

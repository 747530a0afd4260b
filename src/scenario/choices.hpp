#pragma once

#include <array>

#include "moesim/base/dtype.hpp"
#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topologies.hpp"
#include "moesim/cluster/topology.hpp"
#include "moesim/cost/collectives.hpp"
#include "moesim/cost/kernels.hpp"
#include "moesim/model/moe_model.hpp"
#include "moesim/scenario/scenario.hpp"

#include "scenario/reader.hpp"

namespace moesim {

// Words of closed sets, as configurations spell them. Sets that a room below names itself are taken from its table.

/// @param Member pointer to the value in the room's own struct of (name, value)
template <class E, auto Member, class Named, std::size_t N>
[[nodiscard]] constexpr std::array<Choice<E>, N> choices_from(const std::array<Named, N>& table) {
  std::array<Choice<E>, N> choices{};
  for (std::size_t i = 0; i < N; ++i) choices[i] = {table[i].name, table[i].*Member};
  return choices;
}

inline constexpr auto kDTypeChoices = choices_from<DType, &NamedDType::dtype>(kDTypes);
inline constexpr auto kAllToAllChoices =
    choices_from<AllToAllAlgorithm, &NamedAllToAll::algorithm>(kAllToAllAlgorithms);
inline constexpr auto kCollectiveAlgorithmChoices =
    choices_from<CollectiveAlgorithm, &NamedCollectiveAlgorithm::algorithm>(kCollectiveAlgorithms);
inline constexpr auto kStructureChoices = choices_from<MoeStructure, &NamedMoeStructure::structure>(kMoeStructures);
inline constexpr auto kPathLevelChoices = choices_from<PathLevel, &NamedPathLevel::level>(kPathLevels);
inline constexpr auto kNodeKindChoices = choices_from<NodeKind, &NamedNodeKind::kind>(kNodeKinds);
inline constexpr auto kLinkKindChoices = choices_from<LinkKind, &NamedLinkKind::kind>(kLinkKinds);
inline constexpr auto kNicPlacementChoices = choices_from<NicPlacement, &NamedNicPlacement::placement>(kNicPlacements);
inline constexpr auto kScheduleChoices = choices_from<PipelineSchedule, &NamedSchedule::schedule>(kPipelineSchedules);

inline constexpr std::array kFfnChoices = {Choice<FfnKind>{"plain", FfnKind::plain},
                                           Choice<FfnKind>{"gated", FfnKind::gated}};
inline constexpr std::array kNormChoices = {Choice<NormKind>{"layer_norm", NormKind::layer_norm},
                                            Choice<NormKind>{"rms_norm", NormKind::rms_norm}};
inline constexpr std::array kProjectionChoices = {Choice<ProjectionScope>{"shared", ProjectionScope::shared},
                                                  Choice<ProjectionScope>{"per_expert", ProjectionScope::per_expert}};
inline constexpr std::array kExecutionChoices = {Choice<ExpertExecution>{"sequential", ExpertExecution::sequential},
                                                 Choice<ExpertExecution>{"batched", ExpertExecution::batched},
                                                 Choice<ExpertExecution>{"grouped", ExpertExecution::grouped}};
inline constexpr std::array kModeChoices = {Choice<Mode>{"training", Mode::training},
                                            Choice<Mode>{"inference", Mode::inference}};
inline constexpr std::array kRecomputeChoices = {Choice<Recompute>{"none", Recompute::none},
                                                 Choice<Recompute>{"selective", Recompute::selective},
                                                 Choice<Recompute>{"full", Recompute::full}};

}  // namespace moesim

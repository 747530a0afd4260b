#include <cstdint>

#include "scenario/choices.hpp"
#include "scenario/sections.hpp"

namespace moesim {

Parallelism read_parallelism(Reader in, int cluster_ranks) {
  constexpr Limits<int> kDegree = {1, kMostRanks};
  constexpr Limits<int> kLayers = {0, 10'000};
  Parallelism degrees;
  degrees.tp = in.integer({"tp", "tensor parallel degree"}, kDegree, degrees.tp);
  degrees.pp = in.integer({"pp", "pipeline parallel degree"}, kDegree, degrees.pp);
  degrees.cp = in.integer({"cp", "context parallel degree"}, kDegree, degrees.cp);
  degrees.ep = in.integer({"ep", "expert parallel degree; taken out of dp x cp x tp"}, kDegree, degrees.ep);
  degrees.etp = in.integer({"etp", "tensor parallel degree inside an expert"}, kDegree, degrees.etp);
  const auto dp = in.optional_integer({"dp", "data parallel degree; absent: ranks / (tp x pp x cp)"}, kDegree);
  degrees.zero = in.integer({"zero", "ZeRO stage; 1 is the distributed optimizer"}, {0, 3}, degrees.zero);
  degrees.sequence_parallel = in.flag(
      {"sequence_parallel", "norms and residuals split by sequence over the tensor group"}, degrees.sequence_parallel);
  degrees.schedule =
      in.choice({"schedule", "order in which pipeline stages take micro-batches"}, kScheduleChoices, degrees.schedule);
  degrees.virtual_stages =
      in.integer({"virtual_stages", "model chunks per pipeline rank; more than 1: interleaved 1F1B"}, {1, 1024},
                 degrees.virtual_stages);
  degrees.first_stage_layers =
      in.integer({"first_stage_layers", "layers of the stage with the embedding; 0: as many as on the others"}, kLayers,
                 degrees.first_stage_layers);
  degrees.last_stage_layers =
      in.integer({"last_stage_layers", "layers of the stage with the head; 0: as many as on the others"}, kLayers,
                 degrees.last_stage_layers);
  const auto wanted = in.optional_integer({"ranks", "use the first so many GPUs; absent: all of the cluster"}, kDegree);
  in.reject_unknown_keys();

  in.require(cluster_ranks == 0 || !wanted || *wanted <= cluster_ranks, {"ranks"},
             "must not exceed the cluster's {} GPUs", cluster_ranks);
  const std::int64_t model_ranks = std::int64_t{degrees.tp} * degrees.pp * degrees.cp;
  if (cluster_ranks == 0 && !wanted) {  // the layout's own product stands for GPUs that nobody knows; nothing to judge
    degrees.dp = dp.value_or(1);
    return degrees;
  }
  const std::int64_t ranks = wanted.value_or(cluster_ranks);
  const bool divides = model_ranks <= ranks && ranks % model_ranks == 0;
  in.require(divides || dp, {"tp", "pp", "cp", "ranks"},
             "makes tp x pp x cp = {}, which does not divide the {} GPUs (every GPU has one place in the layout)",
             model_ranks, ranks);
  degrees.dp = dp.value_or(divides ? static_cast<int>(ranks / model_ranks) : 1);
  const std::int64_t world = model_ranks * degrees.dp;
  if (dp) {
    in.require(world == ranks, {"dp", "tp", "pp", "cp", "ranks"},
               "makes tp x pp x cp x dp = {} of {} GPUs (every GPU has one place in the layout) {}", world, ranks,
               world < ranks ? fmt::format("use the first {} with ranks: {}", world, world)
               : divides     ? fmt::format("dp would be {}", ranks / model_ranks)
                             : std::string("lower a degree"));
  }
  const std::int64_t expert_ranks = std::int64_t{degrees.ep} * degrees.etp;
  const std::int64_t pool = std::int64_t{degrees.dp} * degrees.cp * degrees.tp;
  in.require(
      world != ranks || pool % expert_ranks == 0, {"ep", "etp", "tp", "pp", "cp", "dp", "ranks"},
      "makes ep x etp = {}, which does not divide dp x cp x tp = {} (expert groups are taken out of these ranks)",
      expert_ranks, pool);
  return degrees;
}

}  // namespace moesim

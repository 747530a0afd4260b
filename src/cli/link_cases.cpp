#include "cli/link_cases.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"
#include "moesim/fit/calibrate.hpp"

namespace moesim::cli {

void add_collectives(const std::string& file, const Cluster& cluster, ValidationReport& report) {
  const CollectiveModel& model = *cluster.collectives;
  std::map<std::pair<CollectiveKind, int>, CollectivePlan> plans;
  for (const LinkSample& sample : read_collectives(file)) {
    if (sample.ranks > model.topology().ranks()) {
      throw InputError(fmt::format("{}: collectives of {} ranks, the cluster {} has only {}", file, sample.ranks,
                                   cluster.name, model.topology().ranks()));
    }
    const auto key = std::pair(sample.kind, sample.ranks);
    if (!plans.contains(key)) {
      plans.emplace(key, model.plan(sample.kind, AllToAllAlgorithm::flat, {first_ranks(sample.ranks)}));
    }
    const std::string name(std::ranges::find(kCollectives, sample.kind, &NamedCollective::kind)->name);
    report.cases.push_back(
        {.trace = std::filesystem::path(file).stem().string(),
         .name = fmt::format("{} {} ranks {}", name, sample.ranks, format_quantity(Bytes{sample.bytes})),
         .part = name,
         .measured = {sample.seconds},
         .predicted = model.estimate(plans.at(key), {sample.bytes}).estimate});
  }
}

}  // namespace moesim::cli

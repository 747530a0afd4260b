#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// What everybody downstream relies on without asking again.
void check(const moesim::Scenario& scenario) {
  const moesim::Parallelism& degrees = scenario.parallelism;
  require(scenario.cluster.topology != nullptr && scenario.cluster.collectives != nullptr &&
          scenario.kernels != nullptr);
  require(degrees.world_size() >= 1 && degrees.world_size() <= scenario.cluster.topology->ranks());
  require(degrees.dp * degrees.cp * degrees.tp % (degrees.ep * degrees.etp) == 0);
  require(degrees.pp <= scenario.model.layers);
  if (!scenario.model.moe) return;
  const moesim::MoeLayer& moe = *scenario.model.moe;
  require(moe.top_k >= 1 && moe.top_k <= moe.experts && moe.experts % degrees.ep == 0);
  require(moe.payload_in >= 1 && moe.payload_out >= 1 && moe.expert_hidden >= 1);
}

}  // namespace

/// Any text makes scenarios or an InputError with at least one line; nothing else is thrown.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::filesystem::path source = MOESIM_SOURCE_DIR;
  static moesim::ScenarioLoader loader{moesim::ConfigRoots{{source / "tests/scenario/data", source}}};
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    for (const moesim::Scenario& scenario : loader.load_text(text, "fuzz.yaml")) check(scenario);
  } catch (const moesim::InputError& error) {
    require(!error.diagnostics().empty());
    for (const moesim::Diagnostic& problem : error.diagnostics()) require(!problem.message.empty());
  }
  return 0;
}

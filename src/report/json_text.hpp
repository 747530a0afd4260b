#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/report/run_info.hpp"

// What every JSON of this room has in common.
namespace moesim {

/// JSON has no infinity, and a result that is not a number is our bug.
[[nodiscard]] inline double json_number(double value) {
  MOESIM_ENSURES(std::isfinite(value));
  return value;
}

[[nodiscard]] inline nlohmann::ordered_json provenance_json(const RunInfo& run) {
  auto inputs = nlohmann::ordered_json::array();
  for (const InputFile& input : run.inputs) inputs.push_back({{"path", input.path}, {"hash", input.hash}});
  return {{"version", run.version},
          {"git_commit", run.git_commit},
          {"arguments", run.arguments},
          {"inputs", std::move(inputs)}};
}

[[nodiscard]] inline std::string json_text(const nlohmann::ordered_json& json) {
  // Bytes that are not UTF-8 (a file name, say) are replaced, so that the output is always JSON.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace moesim

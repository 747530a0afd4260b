#include "moesim/report/what_if_report.hpp"

#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "moesim/base/diagnostic.hpp"

#include "report/json_text.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

/// RFC 4648, with padding.
std::string base64(std::span<const float> numbers) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> bytes;
  bytes.reserve(4 * numbers.size());
  for (const float number : numbers) {
    const auto bits = std::bit_cast<std::uint32_t>(number);
    for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::uint8_t>(bits >> shift));
  }
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = i; j < i + 3; ++j) three = (three << 8U) | (j < bytes.size() ? bytes[j] : 0U);
    for (unsigned part = 0; part < 4; ++part) {
      const bool padding = i + part > bytes.size();
      text += padding ? '=' : kLetters[(three >> (18 - 6 * part)) & 63U];
    }
  }
  return text;
}

std::string plans_base64(const std::vector<WhatIfPlan>& plans, double WhatIfPlan::*field) {
  std::vector<float> numbers;
  for (const WhatIfPlan& plan : plans) numbers.push_back(static_cast<float>(plan.*field));
  return base64(numbers);
}

}  // namespace

std::string to_json(const WhatIf& grid) {
  Json axes = Json::array();
  for (const WhatIfAxis& axis : grid.axes.stops) {
    axes.push_back(
        {{"name", axis.name}, {"title", axis.title}, {"keys", axis.keys}, {"stops", axis.stops}, {"now", axis.now}});
  }
  Json absent = Json::array();
  for (const AbsentAxis& axis : grid.axes.absent) absent.push_back({{"title", axis.title}, {"why", axis.why}});
  Json layers = Json::array();
  for (const WhatIfLayer& layer : grid.layers) {
    layers.push_back({{"bandwidths_Bps", layer.bandwidths}, {"values", base64(layer.numbers)}});
  }
  Json json = {
      {"numbers", kWhatIfNumbers}, {"variants", grid.variants}, {"axes", std::move(axes)}, {"bandwidth", nullptr}};
  if (const auto& bandwidth = grid.axes.bandwidth) {
    json["bandwidth"] = {
        {"keys", bandwidth->keys}, {"now_Bps", json_number(bandwidth->now.value)}, {"reach", kBandwidthReach}};
  }
  json["absent"] = std::move(absent);
  json["reasons"] = grid.reasons;
  json["reason_of"] = grid.reason_of;
  json["memory_B"] = plans_base64(grid.plans, &WhatIfPlan::memory);
  json["capacity_B"] = plans_base64(grid.plans, &WhatIfPlan::capacity);
  json["tokens"] = plans_base64(grid.plans, &WhatIfPlan::tokens);
  json["layers"] = std::move(layers);
  json["error"] = {{"points", grid.error.points},
                   {"step_time", json_number(grid.error.step_time)},
                   {"speedup", json_number(grid.error.speedup)},
                   {"all_to_all", json_number(grid.error.all_to_all)}};
  return json_text(json);
}

}  // namespace moesim

#include "moesim/report/what_if_report.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace moesim {
namespace {

// Bytes of 1.0f are 00 00 80 3f, of -2.0f 00 00 00 c0, of 0.5f 00 00 00 3f (IEEE 754, little-endian); base64 by RFC
// 4648.
TEST(WhatIfReport, FloatsAreBase64) {
  const WhatIf grid{
      .axes = {.bandwidth = std::nullopt,
               .stops = {{.name = "top_k", .title = "k", .keys = {"model.moe.top_k"}, .stops = {"2", "4"}, .now = 1}},
               .absent = {{"bandwidth", "one machine"}}},
      .variants = {"a"},
      .reasons = {"no"},
      .reason_of = {0, -1},
      .plans = {WhatIfPlan{.memory = 1, .capacity = 1, .tokens = 1},
                WhatIfPlan{.memory = -2, .capacity = 0.5, .tokens = 1}},
      .layers = {{.bandwidths = {0}, .numbers = {1}}, {.bandwidths = {0}, .numbers = {1, -2, 0.5}}},
      .error = {.points = 3, .step_time = 0.25}};
  const auto parsed = nlohmann::json::parse(to_json(grid));
  EXPECT_EQ(parsed["layers"][0]["values"], "AACAPw==");
  EXPECT_EQ(parsed["layers"][1]["values"], "AACAPwAAAMAAAAA/");
  EXPECT_EQ(parsed["memory_B"], "AACAPwAAAMA=");
  EXPECT_EQ(parsed["bandwidth"], nullptr);
  EXPECT_EQ(parsed["axes"][0]["stops"], (nlohmann::json{"2", "4"}));
  EXPECT_EQ(parsed["absent"][0]["why"], "one machine");
  EXPECT_EQ(parsed["error"]["step_time"], 0.25);
}

}  // namespace
}  // namespace moesim

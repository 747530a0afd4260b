// Everything under configs/ and calibration/ loads.

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "scenario/test_configs.hpp"

namespace moesim {
namespace {

std::vector<std::filesystem::path> files_in(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(MOESIM_SOURCE_DIR) / folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

template <class Load>
void expect_all_load(const std::string& folder, Load load) {
  const auto files = files_in(folder);
  EXPECT_FALSE(files.empty()) << folder;
  for (const auto& file : files) {
    for (const std::string& problem : testing::problems_of([&] { load(file); })) ADD_FAILURE() << problem;
  }
}

TEST(ShippedFiles, Models) {
  expect_all_load("configs/models", [](const auto& file) { return load_model(file, {}, {}); });
}
TEST(ShippedFiles, Devices) {
  expect_all_load("configs/devices", [](const auto& file) { return load_device(file, {}, {}); });
}
TEST(ShippedFiles, Clusters) {
  expect_all_load("configs/clusters", [](const auto& file) { return load_cluster(file, {}, {}, false); });
}
TEST(ShippedFiles, Calibrations) {
  expect_all_load("calibration", [](const auto& file) { return load_calibration(file); });
}
TEST(ShippedFiles, Scenarios) {
  expect_all_load("configs/scenarios", [](const auto& file) { return load_scenario(file, {}, {}); });
}
TEST(ShippedFiles, DumpsReadBack) {
  expect_all_load("configs/scenarios", [](const auto& file) {
    const auto again = load_scenario_text(dump_scenario(file, {}, {}), "dump.yaml", {});
    const auto original = load_scenario(file, {}, {});
    ASSERT_EQ(again.size(), original.size());
    for (std::size_t i = 0; i < again.size(); ++i) {
      EXPECT_EQ(again[i].model.name, original[i].model.name);
      EXPECT_EQ(again[i].assumptions, original[i].assumptions);
    }
  });
}

/// Files whose twin has as many expert weights: the shapes of the published models' BigMac twins.
TEST(ShippedFiles, TwinsHaveEquallyLargeExperts) {
  for (const auto& file : files_in("configs/models")) {
    const std::string name = file.stem().string();
    const std::string suffix = "_bigmac";
    if (!name.ends_with(suffix)) continue;
    const Model twin = load_model(file, {}, {});
    const auto original = file.parent_path() / (name.substr(0, name.size() - suffix.size()) + ".yaml");
    const Model model = load_model(original, {}, {});
    EXPECT_DOUBLE_EQ(expert_weights(*twin.moe), expert_weights(*model.moe)) << name;
    EXPECT_EQ(twin.moe->payload_in * 4, model.hidden) << name;
  }
}

}  // namespace
}  // namespace moesim

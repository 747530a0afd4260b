#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "scenario/test_configs.hpp"

namespace moesim {
namespace {

/// Written with: MOESIM_UPDATE_DOCS=1 build/.../scenario_tests --gtest_filter=Describe.*
TEST(Describe, TheCommittedPageIsWhatTheReadersSay) {
  const std::filesystem::path page = std::filesystem::path(MOESIM_SOURCE_DIR) / "docs/configuration.md";
  if (std::getenv("MOESIM_UPDATE_DOCS") != nullptr) std::ofstream(page) << describe_configuration();
  std::ostringstream committed;
  committed << std::ifstream(page).rdbuf();
  EXPECT_EQ(committed.str(), describe_configuration()) << "write it anew with MOESIM_UPDATE_DOCS=1";
}

/// Every key of a completed scenario is on the page: nothing is read that is not described.
TEST(Describe, EveryKeyThatIsReadIsDescribed) {
  const std::string page = describe_configuration();
  std::istringstream dump(dump_scenario(testing::data_folder() / "configs/scenarios/small.yaml", {}, {}));
  int keys = 0;
  for (std::string line; std::getline(dump, line);) {
    const std::size_t begin = line.find_first_not_of(" -");
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(begin, colon - begin);
    if (key == "fine_grained") continue;  // a name of the file's, not a key
    if (key == "bigmac") continue;
    EXPECT_NE(page.find("| `" + key + "` |"), std::string::npos) << key;
    ++keys;
  }
  EXPECT_GT(keys, 60);
}

}  // namespace
}  // namespace moesim

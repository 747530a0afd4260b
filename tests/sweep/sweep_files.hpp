#pragma once

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include "moesim/analytic/predict.hpp"
#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/sweep/plan.hpp"
#include "moesim/sweep/run.hpp"

namespace moesim::testing {

inline ConfigRoots roots() { return {.roots = {MOESIM_SOURCE_DIR}}; }

/// A folder of this process's own, gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() / fmt::format("moesim-sweep-{}-{}", ::getpid(), ++count);
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// What a function throws as InputError; "accepted" when it does not.
template <class Function>
std::string refusal(const Function& function) {
  try {
    function();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

/// Rows kept in memory.
class TextSink : public RowSink {
 public:
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void write(const std::string& rows) override { text_ += rows; }
  std::string text_;
};

inline SweepPlan plan_of(const std::filesystem::path& file, const SweepEngine& engine = {},
                         const std::vector<Override>& overrides = {}) {
  return plan_sweep(file, overrides, roots(), engine, "test");
}

/// Answers at once, with numbers that depend on every key that the sweeps here change.
inline Prediction quick_answer(const Scenario& scenario) {
  Prediction prediction;
  prediction.scenario = scenario.name;
  prediction.variant = scenario.variant;
  const auto& training = std::get<TrainingWorkload>(scenario.workload);
  prediction.step_time.time = {1.0 + scenario.model.moe->top_k * 0.125 + training.micro_batch * 0.25 +
                               scenario.model.moe->payload_in * 1e-4 + training.sequence_length * 1e-5};
  prediction.memory.capacity = {1e9};
  prediction.memory.total = {1e6 * training.micro_batch};
  return prediction;
}

}  // namespace moesim::testing

#include "moesim/sweep/run.hpp"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/wait.h>
#include <thread>

#include "moesim/base/diagnostic.hpp"

#include "sweep/sweep_files.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

// 8 x 4 x 3 x 5 points: some are no scenario (top_k 3 of 2 experts), some are filtered, some repeat others.
constexpr const char* kSmall = R"(name: small
scenario: paper_training
axes:
  - {key: model.moe.top_k, from: 1, to: 8, step: 1}
  - {key: workload.micro_batch, values: [1, 2, 4, 3]}
  - {key: workload.sequence_length, values: [512, 1024, 2048]}
  - {key: variants.bigmac.model.moe.low_rank_ratio, name: r, values: [0.125, 0.25, 0.5, 0.75, 1], when: model.moe.top_k > 1}
derived:
  - {key: workload.global_batch, expression: 64 * workload.micro_batch}
where: [model.moe.top_k * workload.sequence_length <= 8192]
columns: [step_time_s, speedup, fits]
)";

SweepEngine quick() { return {.name = "quick", .predict = testing::quick_answer}; }

std::string rows_of(const SweepPlan& plan, int jobs) {
  testing::TextSink sink;
  EXPECT_TRUE(run_sweep(plan, sink, {.jobs = jobs}));
  EXPECT_EQ(sink.totals().next, plan.grid.size());
  EXPECT_EQ(sink.totals().rows + sink.totals().absent + total(sink.totals().left_out), plan.grid.size());
  return sink.text();
}

TEST(RunSweep, RowsDoNotDependOnTheNumberOfThreads) {
  const TemporaryFolder folder;
  const SweepPlan plan = testing::plan_of(folder.write("small.yaml", kSmall), quick());
  const std::string one = rows_of(plan, 1);
  // top_k 1: 4 x 3 points without r; 2 to 4: 4 x 3 x 5 each; 5 to 8 only with up to 1024 tokens: 4 x 2 x 5 each.
  EXPECT_EQ(std::count(one.begin(), one.end(), '\n'), 12 + 3 * 60 + 4 * 40);
  // 1 + 0.125 + 0.25 + 0.00512, and a payload of 1024 or 256 (r = 0.25).
  EXPECT_EQ(one.substr(0, one.find('\n')), "1,1,512,,64,1.48252,true,1.40572,1.05463392,true");
  EXPECT_EQ(rows_of(plan, 2), one);
  EXPECT_EQ(rows_of(plan, 5), one);
}

TEST(RunSweep, EveryRowIsWhatCompareSays) {
  const TemporaryFolder folder;
  const SweepPlan plan = testing::plan_of(folder.write("sweep.yaml", R"(name: check
scenario: paper_training
axes:
  - {key: variants.bigmac.model.moe.low_rank_ratio, values: [0.125, 0.5]}
  - {key: model.moe.top_k, values: [2, 8]}
  - {key: cluster.nic.bandwidth, values: [100Gbps, 400Gbps]}
columns: [step_time_s, speedup]
)"));
  std::string expected;
  for (const std::string ratio : {"0.125", "0.5"}) {
    for (const std::string top_k : {"2", "8"}) {
      for (const std::string bandwidth : {"100Gbps", "400Gbps"}) {
        const auto scenarios =
            load_scenario(std::filesystem::path(MOESIM_SOURCE_DIR) / "configs/scenarios/paper_training.yaml",
                          {{"variants.bigmac.model.moe.low_rank_ratio=" + ratio},
                           {"model.moe.top_k=" + top_k},
                           {"cluster.nic.bandwidth=" + bandwidth}},
                          testing::roots());
        const Prediction fine = predict(scenarios[0]);
        const Prediction bigmac = predict(scenarios[1]);
        expected += fmt::format("{},{},{},{:.9g},{:.9g},{:.9g}\n", ratio, top_k,
                                bandwidth == "100Gbps" ? "12500000000" : "50000000000", fine.step_time.time.value,
                                bigmac.step_time.time.value, speedup(fine, bigmac).value);
      }
    }
  }
  EXPECT_EQ(rows_of(plan, 2), expected);
  EXPECT_EQ(plan.header,
            "variants.bigmac.model.moe.low_rank_ratio,model.moe.top_k,cluster.nic.bandwidth_Bps,"
            "fine_grained.step_time_s,bigmac.step_time_s,bigmac.speedup\n");
}

TEST(RunSweep, PointsThatAreNoScenarioAreCountedByReason) {
  const TemporaryFolder folder;
  const SweepPlan plan = testing::plan_of(folder.write("sweep.yaml", R"(name: invalid
scenario: paper_training
axes:
  - {key: parallelism.ep, values: [8, 12, 24, 32, 128]}
  - {key: model.moe.top_k, values: [1, 100]}
where: [parallelism.ep != 8]
)"),
                                          quick());
  testing::TextSink sink;
  EXPECT_TRUE(run_sweep(plan, sink, {.jobs = 1}));
  EXPECT_EQ(sink.totals().rows, 1U);
  const LeftOutByReason& left_out = sink.totals().left_out;
  EXPECT_EQ(left_out.at("where parallelism.ep != N").count, 2U);
  std::uint64_t experts = 0;
  std::uint64_t layout = 0;
  for (const auto& [reason, entry] : left_out) {
    if (reason.find("top_k") != std::string::npos) experts += entry.count;
    if (reason.find("parallelism.ep: ") != std::string::npos) layout += entry.count;
  }
  EXPECT_GE(experts, 1U);
  EXPECT_GE(layout, 3U);
}

TEST(RunSweep, MustFitLeavesOutWhatIsTooLarge) {
  const TemporaryFolder folder;
  const SweepPlan plan = testing::plan_of(folder.write("sweep.yaml", R"(name: fits
scenario: paper_training
axes: [{key: workload.sequence_length, values: [512, 2048]}, {key: workload.micro_batch, values: [1, 2]}]
must_fit: true
)"));
  testing::TextSink all;
  EXPECT_TRUE(run_sweep(plan, all, {.jobs = 1}));
  const SweepPlan larger = testing::plan_of(folder / "sweep.yaml", {}, {{"cluster.device.memory=8GB"}});
  testing::TextSink few;
  EXPECT_TRUE(run_sweep(larger, few, {.jobs = 1}));
  EXPECT_GT(all.totals().rows, few.totals().rows);
}

TEST(RunSweep, AScenarioIsASweepOfOnePoint) {
  const SweepPlan plan =
      testing::plan_of(std::filesystem::path(MOESIM_SOURCE_DIR) / "configs/scenarios/paper_training.yaml", quick());
  const std::string rows = rows_of(plan, 2);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 1);
  EXPECT_NE(rows.front(), ',');
}

TEST(RunSweep, AContractThatBreaksNamesThePoint) {
  const TemporaryFolder folder;
  const SweepEngine broken{
      .name = "broken", .predict = [](const Scenario&) -> Prediction { throw ContractViolation("time is negative"); }};
  const SweepPlan plan = testing::plan_of(folder.write("small.yaml", kSmall), broken);
  testing::TextSink sink;
  try {
    run_sweep(plan, sink, {.jobs = 2});
    FAIL();
  } catch (const ContractViolation& violation) {
    EXPECT_THAT(violation.what(), HasSubstr("model.moe.top_k="));
  }
}

// --- interruption

TEST(Resume, AStoppedSweepGoesOnToTheSameBytes) {
  const TemporaryFolder folder;
  const SweepPlan plan = testing::plan_of(folder.write("small.yaml", kSmall), quick());
  const std::string whole = plan.header + rows_of(plan, 1);
  const std::filesystem::path out = folder / "out.csv";
  int chunks = 0;
  {
    FileSink sink(out, {.header = plan.header, .fingerprint = plan.fingerprint});
    EXPECT_FALSE(run_sweep(plan, sink, {.jobs = 1, .stop = [&] { return ++chunks > 3; }}));
    sink.save();
  }
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_EQ(whole.find(testing::read_all(FileSink::part_of(out))), 0U);  // whole rows, from the first on
  FileSink sink(out, {.header = plan.header, .fingerprint = plan.fingerprint, .resume = true});
  EXPECT_TRUE(sink.resumed());
  EXPECT_GT(sink.totals().next, 0U);
  EXPECT_TRUE(run_sweep(plan, sink, {.jobs = 3}));
  sink.finish();
  EXPECT_EQ(testing::read_all(out), whole);
  EXPECT_FALSE(std::filesystem::exists(FileSink::part_of(out)));
  EXPECT_FALSE(std::filesystem::exists(FileSink::checkpoint_of(out)));
}

TEST(Resume, ACheckpointOfAnotherSweepIsRefused) {
  const TemporaryFolder folder;
  const SweepPlan plan = testing::plan_of(folder.write("small.yaml", kSmall), quick());
  const SweepPlan other = testing::plan_of(folder / "small.yaml", quick(), {{"workload.recompute=full"}});
  EXPECT_NE(plan.fingerprint, other.fingerprint);
  const std::filesystem::path out = folder / "out.csv";
  FileSink(out, {.header = plan.header, .fingerprint = plan.fingerprint}).save();
  EXPECT_THROW(FileSink(out, {.header = other.header, .fingerprint = other.fingerprint, .resume = true}), InputError);
  EXPECT_FALSE(FileSink(out, {.header = other.header, .fingerprint = other.fingerprint}).resumed());  // starts anew
}

TEST(Resume, CheckpointsAreReadBackAndTornOnesAreNot) {
  Checkpoint checkpoint{.fingerprint = "abc", .bytes = 12345, .totals = {}};
  checkpoint.totals = {.next = 7, .rows = 5, .absent = 1, .left_out = {}, .inputs = {{"a b.yaml", "0123"}}};
  checkpoint.totals.left_out["model: too large"] = {.count = 1, .first = 3, .example = "model = 9: too large"};
  const std::string text = write_checkpoint(checkpoint);
  const auto read = read_checkpoint(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(write_checkpoint(*read), text);
  constexpr std::size_t kEnd = 4;  // "end" and its line end
  for (std::size_t length = 0; length <= text.size() - kEnd; ++length) {
    EXPECT_FALSE(read_checkpoint(text.substr(0, length)).has_value()) << length;
  }
}

// The thread sanitizer does not follow threads that begin after a fork.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr int kJobsOfChildren = 1;
#else
constexpr int kJobsOfChildren = 2;
#endif
#else
constexpr int kJobsOfChildren = 2;
#endif

/// Kills a process that sweeps at a random moment, again and again until one gets through; 50 times.
TEST(Resume, AKilledSweepGoesOnToTheSameBytes) {
  const TemporaryFolder folder;
  const SweepEngine slow{.name = "quick", .predict = [](const Scenario& scenario) {
                           std::this_thread::sleep_for(std::chrono::microseconds(20));
                           return testing::quick_answer(scenario);
                         }};
  const SweepPlan plan = testing::plan_of(folder.write("small.yaml", kSmall), slow);
  const std::string whole = plan.header + rows_of(plan, 1);
  const std::filesystem::path out = folder / "out.csv";
  std::minstd_rand random(20250216);
  int kills = 0;
  int resumed_midway = 0;
  while (kills < 50) {
    std::filesystem::remove(out);
    for (bool first = true; !std::filesystem::exists(out); first = false) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        try {
          FileSink sink(out, {.header = plan.header,
                              .fingerprint = plan.fingerprint,
                              .resume = !first,
                              .save_every = std::chrono::milliseconds(1)});
          run_sweep(plan, sink, {.jobs = kJobsOfChildren});
          sink.finish();
        } catch (...) {
          ::_exit(1);
        }
        ::_exit(0);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, 60'000)(random)));
      ::kill(child, SIGKILL);
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      if (WIFSIGNALED(status)) {
        ++kills;
        const auto checkpoint = read_checkpoint(testing::read_all(FileSink::checkpoint_of(out)));
        if (checkpoint && checkpoint->totals.next > 0) ++resumed_midway;
      } else {
        ASSERT_EQ(WEXITSTATUS(status), 0);
      }
    }
    ASSERT_EQ(testing::read_all(out), whole);
  }
  EXPECT_GT(resumed_midway, 5);  // else the test has tested nothing
}

}  // namespace
}  // namespace moesim

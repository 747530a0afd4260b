#include <gtest/gtest.h>
#include <map>
#include <sstream>

#include "sweep/sweep_files.hpp"

namespace moesim {
namespace {

using Row = std::map<std::string, std::string>;

SweepPlan shipped(const std::string& name) {
  return testing::plan_of(std::filesystem::path(MOESIM_SOURCE_DIR) / "configs/sweeps" / (name + ".yaml"));
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

/// All rows, by column; no cell of a shipped sweep has a comma in it.
std::vector<Row> rows_of(const SweepPlan& plan) {
  testing::TextSink sink;
  EXPECT_TRUE(run_sweep(plan, sink, {.jobs = 2}));
  const std::vector<std::string> names = cells_of(plan.header.substr(0, plan.header.size() - 1));
  std::vector<Row> rows;
  std::stringstream lines(sink.text());
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> cells = cells_of(line);
    Row row;
    for (std::size_t i = 0; i < cells.size(); ++i) row[names.at(i)] = cells[i];
    rows.push_back(std::move(row));
  }
  return rows;
}

double number(const Row& row, const std::string& column) { return std::stod(row.at(column)); }

TEST(ShippedSweeps, EachRunsAndLeavesOutNothingButWhatItsConditionsSay) {
  for (const std::string& name : shipped_names("sweeps", testing::roots())) {
    SCOPED_TRACE(name);
    const SweepPlan plan = shipped(name);
    SweepEvaluator evaluator(plan);
    const std::uint64_t every = std::max<std::uint64_t>(1, plan.grid.size() / 40);  // thinned when it is large
    std::uint64_t rows = 0;
    for (std::uint64_t point = 0; point < plan.grid.size(); point += every) {
      const SweepChunk chunk = evaluator.evaluate(point, point + 1);
      rows += chunk.rows;
      for (const auto& [reason, entry] : chunk.left_out) EXPECT_EQ(reason.find("where "), 0U) << reason;
    }
    EXPECT_GT(rows, 0U);
  }
}

TEST(ShippedSweeps, AFasterNetworkIsNeverSlowerAndHelpsTheWideExchangeMore) {
  const std::vector<Row> rows = rows_of(shipped("network_bandwidth"));
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (rows[i].at("cluster.nic.count") != rows[i - 1].at("cluster.nic.count")) continue;
    EXPECT_LE(number(rows[i], "fine_grained.step_time_s"), number(rows[i - 1], "fine_grained.step_time_s"));
    EXPECT_LE(number(rows[i], "bigmac.step_time_s"), number(rows[i - 1], "bigmac.step_time_s"));
    EXPECT_LE(number(rows[i], "bigmac.speedup"), number(rows[i - 1], "bigmac.speedup"));
  }
}

TEST(ShippedSweeps, ANarrowerExchangePaysMoreAndAFullWidthOnePaysNothing) {
  for (const Row& row : rows_of(shipped("low_rank_ratio"))) {
    // r = 1: the all-to-all is as wide as ever, and the two projections are on top.
    if (row.at("r") == "1") {
      EXPECT_LT(number(row, "bigmac.speedup"), 1);
    }
    if (row.at("r") == "0.25") {
      EXPECT_GT(number(row, "bigmac.speedup"), 1);
    }
  }
}

TEST(ShippedSweeps, AThinnerUplinkIsNeverFaster) {
  std::map<std::string, double> last;
  for (const Row& row : rows_of(shipped("oversubscription"))) {
    const double time = number(row, "fine_grained.step_time_s");
    const auto known = last.find(row.at("parallelism.ep"));
    if (known != last.end()) {
      EXPECT_GE(time, known->second * (1 - 1e-9));
    }
    last[row.at("parallelism.ep")] = time;
  }
}

TEST(ShippedSweeps, ALargerBatchIsSlowerToDecodeAndYieldsMore) {
  std::map<std::string, Row> last;
  for (const Row& row : rows_of(shipped("decode_batch"))) {
    const std::string& prompt = row.at("workload.prompt_tokens");
    if (last.count(prompt) > 0) {
      EXPECT_GE(number(row, "vanilla.decode_token_s"), number(last[prompt], "vanilla.decode_token_s"));
      EXPECT_GE(number(row, "vanilla.throughput_tokens_per_s"),
                number(last[prompt], "vanilla.throughput_tokens_per_s"));
    }
    last[prompt] = row;
  }
}

}  // namespace
}  // namespace moesim

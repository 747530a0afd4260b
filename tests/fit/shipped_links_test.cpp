// The links that we ship, fitted again from what they were fitted from.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fmt/core.h>
#include <fstream>
#include <gtest/gtest.h>

#include "moesim/fit/calibration_yaml.hpp"

#include "fit/link_machines.hpp"

namespace moesim {
namespace {

class ShippedLinks : public ::testing::TestWithParam<LinkMachine> {
 protected:
  void SetUp() override {
    if (GetParam().needs_data && measured_data().empty()) GTEST_SKIP() << "no measured tables here (MOESIM_DATA)";
  }
};

// What the calibration file says is what the fit gives. With MOESIM_WRITE_CALIBRATION=FOLDER the files are written
// instead.
TEST_P(ShippedLinks, FittedAgain_GiveTheSameTimes) {
  const LinkMachine& machine = GetParam();
  LinkFit fit = fit_machine(machine);
  if (const char* folder = std::getenv("MOESIM_WRITE_CALIBRATION"); folder != nullptr) {
    const char* date = std::getenv("MOESIM_DATE");
    fit.law.provenance.date = date != nullptr ? date : "";
    std::ofstream(fmt::format("{}/links_{}.yaml", folder, machine.name))
        << calibration_yaml({.name = "links_" + machine.name, .device = machine.name, .laws = {fit.law}});
    for (const LeftOut& one : fit.left_out) {
      fmt::print("{:18} {:30} {:3} samples: median {:5.1f} %, 90th percentile {:5.1f} %, coverage {:.1f} %\n",
                 machine.name, one.what, one.samples, 100 * one.median, 100 * one.p90, 100 * one.coverage);
    }
    return;
  }
  const auto shipped = cluster_model(machine.name, false);
  ASSERT_NE(shipped->law(), nullptr);
  const LinkLaw again(fit.law);
  for (const LinkSample& sample : machine.samples()) {
    RankGroups groups = sample.groups;
    if (groups.empty()) {
      groups.emplace_back();
      for (int rank = 0; rank < sample.ranks; ++rank) groups[0].push_back(RankId(static_cast<std::size_t>(rank)));
    }
    const CollectivePlan plan = shipped->plan(sample.kind, AllToAllAlgorithm::flat, groups);
    const PhaseLoad& load = plan.phases.front().load;
    const double fitted =
        phase_time(load, again.family(link_family(sample.kind), load.network).coefficients, sample.bytes);
    const double time = shipped->estimate(plan, {sample.bytes}).estimate.time.value;
    // Six digits of every coefficient; minima of the fit are flat, and compilers round differently.
    ASSERT_NEAR(time / fitted, 1, 0.02) << sample.ranks << " ranks, " << sample.bytes << " B";
  }
}

// Of the samples themselves at 64 KiB per rank and more, all-to-all: the median is met within 8 %.
TEST_P(ShippedLinks, AllToAll_MedianErrorAtMost8Percent) {
  const auto shipped = cluster_model(GetParam().name, false);
  std::vector<double> errors;
  for (const LinkSample& sample : GetParam().samples()) {
    if (sample.kind != CollectiveKind::all_to_all || sample.bytes < kSmallestFittedBytes) continue;
    RankGroups groups = sample.groups;
    if (groups.empty()) {
      groups.emplace_back();
      for (int rank = 0; rank < sample.ranks; ++rank) groups[0].push_back(RankId(static_cast<std::size_t>(rank)));
    }
    const CollectivePlan plan = shipped->plan(sample.kind, AllToAllAlgorithm::flat, groups);
    const CollectiveEstimate estimate = shipped->estimate(plan, {sample.bytes});
    errors.push_back(std::abs(estimate.estimate.time.value / sample.seconds - 1));
    EXPECT_FALSE(estimate.extrapolated);
  }
  ASSERT_FALSE(errors.empty());
  std::ranges::sort(errors);
  EXPECT_LE(errors[errors.size() / 2], 0.08);
}

INSTANTIATE_TEST_SUITE_P(Machines, ShippedLinks, ::testing::ValuesIn(link_machines()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace moesim

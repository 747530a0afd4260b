#include "moesim/fit/fit_links.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cluster/topologies.hpp"

#include "base/temporary_folder.hpp"

namespace moesim {
namespace {

using testing::TemporaryFolder;

ClusterConfig pcie_box() {
  ClusterConfig config;
  config.name = "box";
  config.topology = "pcie_shared_nic";
  config.box.gpus = 8;
  config.box.sockets = 2;
  config.box.gpus_per_switch = 1;
  config.box.pcie = {.bandwidth = {32e9}, .latency = {5e-7}};
  config.box.inter_socket = {.bandwidth = {64e9}, .latency = {1e-7}};
  config.box.host_memory = {.bandwidth = {100e9}, .latency = {1e-7}};
  config.transport.p2p_level = PathLevel::sys;
  return config;
}

CollectiveModel ideal_box() {
  const ClusterConfig config = pcie_box();
  return {std::make_shared<Topology>(build_topology(config)), config.transport, {}, true};
}

/// Times that a known law gives, as samples; every other one `noise` too long, the rest as much too short.
std::vector<LinkSample> samples_of(const LinkCoefficients& law, double noise, const std::vector<int>& counts) {
  const CollectiveModel model = ideal_box();
  std::vector<LinkSample> samples;
  double sign = 1;
  for (const int ranks : counts) {
    std::vector<RankId> group;
    for (int rank = 0; rank < ranks; ++rank) group.push_back(RankId(static_cast<std::size_t>(rank)));
    const auto plan = model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {group});
    for (double bytes = 512; bytes <= 512.0 * 1048576; bytes *= 2) {
      samples.push_back({.kind = CollectiveKind::all_to_all,
                         .ranks = ranks,
                         .bytes = bytes,
                         .seconds = phase_time(plan.phases.front().load, law, bytes) * std::exp(noise * sign),
                         .groups = {}});
      sign = -sign;
    }
  }
  return samples;
}

LinkCoefficients known_law() {
  LinkCoefficients law;
  law.startup = 6e-6;
  law.startup_per_round = 2e-6;
  law.simple_startup = 4e-6;
  law.switch_bytes = 40000;
  law.bend = 8e-6;
  law.bend_power = 0.5;
  law.contention = 0.7;
  law.efficiency[static_cast<std::size_t>(LinkKind::pcie)] = 0.75;
  return law;
}

LinkLawShape contended() {
  LinkLawShape shape;
  shape.links = {LinkKind::pcie};
  shape.contention = true;
  return shape;
}

// Two GPU counts are measured; the third is predicted as the law that made them says.
TEST(FitLinks, ExactSamples_PredictAnUnmeasuredGpuCount) {
  const LinkFit fit = fit_links(ideal_box(), samples_of(known_law(), 0, {2, 8}), same_shapes(contended()));
  const ClusterConfig config = pcie_box();
  const CollectiveModel fitted(std::make_shared<Topology>(build_topology(config)), config.transport,
                               {.name = "fitted", .device = "", .laws = {fit.law}});
  std::vector<RankId> group = {RankId(0), RankId(1), RankId(2), RankId(3)};
  const auto plan = fitted.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {group});
  for (const LinkSample& truth : samples_of(known_law(), 0, {4})) {
    EXPECT_NEAR(fitted.estimate(plan, {truth.bytes}).estimate.time.value / truth.seconds, 1, 0.02) << truth.bytes;
  }
  EXPECT_NEAR(fit.law.coefficient("all_to_all.contention"), 0.7, 0.02);
  EXPECT_NEAR(fit.law.coefficient("all_to_all.efficiency.pcie"), 0.75, 0.01);
  EXPECT_LT(fit.law.provenance.median_error, 0.01);
}

// The residuals that are reported are those of the noise that was put in, not smaller.
TEST(FitLinks, NoisySamples_ReportTheNoise) {
  constexpr double kNoise = 0.1;
  const LinkFit fit = fit_links(ideal_box(), samples_of(known_law(), kNoise, {2, 4, 8}), same_shapes(contended()));
  EXPECT_NEAR(fit.law.provenance.median_error, kNoise, 0.03);
  EXPECT_GE(fit.law.spread("all_to_all.large"), 0.9 * kNoise);
  EXPECT_LE(fit.law.spread("all_to_all.large"), 2.5 * kNoise);
  std::vector<std::string> left_out;
  for (const LeftOut& one : fit.left_out) left_out.push_back(one.what);
  EXPECT_THAT(left_out,
              ::testing::IsSupersetOf({"all_to_all.ranks 4", "all_to_all.ranks 8", "all_to_all.sizes 1 of 5"}));
  EXPECT_THAT(left_out, ::testing::Not(::testing::Contains("all_to_all.ranks 2")));
}

// A tenth of the samples is far off: the fit stays with the others.
TEST(FitLinks, Outliers_HardlyMoveTheFit) {
  std::vector<LinkSample> samples = samples_of(known_law(), 0.02, {2, 4, 8});
  for (std::size_t i = 5; i < samples.size(); i += 10) samples[i].seconds *= 3;
  const LinkFit fit = fit_links(ideal_box(), samples, same_shapes(contended()));
  EXPECT_NEAR(fit.law.coefficient("all_to_all.efficiency.pcie"), 0.75, 0.06);
}

// Without contention in the samples the chosen law has none to speak of; with it, it does.
TEST(FitLinks, ChosenShape_FollowsTheSamples) {
  LinkCoefficients calm = known_law();
  calm.contention = 0;
  const auto contention = [](const LinkFit& fit) {
    const auto found = fit.law.coefficients.find("all_to_all.contention");
    return found == fit.law.coefficients.end() ? 0 : found->second;
  };
  EXPECT_LT(contention(fit_links(ideal_box(), samples_of(calm, 0.02, {2, 4, 8}))), 0.1);
  EXPECT_NEAR(contention(fit_links(ideal_box(), samples_of(known_law(), 0.02, {2, 4, 8}))), 0.7, 0.1);
}

TEST(FitLinks, FixedCoefficients_StayAsTheyAre) {
  LinkLawShape shape = contended();
  shape.fixed["efficiency.inter_socket"] = 0.25;
  shape.fixed["bend_power"] = 0.4;
  const LinkFit fit = fit_links(ideal_box(), samples_of(known_law(), 0, {2, 8}), same_shapes(shape));
  EXPECT_EQ(fit.law.coefficient("all_to_all.efficiency.inter_socket"), 0.25);
  EXPECT_EQ(fit.law.coefficient("all_to_all.bend_power"), 0.4);
}

TEST(FitLinks, SamplesThatDoNotFitTheCluster_AreTheUsersMistake) {
  EXPECT_THROW(static_cast<void>(fit_links(ideal_box(), {})), InputError);
  EXPECT_THROW(static_cast<void>(fit_links(
                   ideal_box(),
                   {{.kind = CollectiveKind::all_to_all, .ranks = 16, .bytes = 1e6, .seconds = 1e-3, .groups = {}}})),
               InputError);
}

class LinkSamples : public ::testing::Test {
 protected:
  std::string written(const std::string& text) { return folder_.write("samples.csv", text).string(); }

 private:
  TemporaryFolder folder_;
};

TEST_F(LinkSamples, BothFormats_AreRead) {
  const auto ours =
      read_link_samples(written("collective,ranks,bytes_per_rank,time_us,note\nalltoall,8,1048576,12.5,\"a, b\"\n"));
  ASSERT_EQ(ours.size(), 1U);
  EXPECT_EQ(ours[0].kind, CollectiveKind::all_to_all);
  EXPECT_EQ(ours[0].ranks, 8);
  EXPECT_DOUBLE_EQ(ours[0].seconds, 12.5e-6);
  const auto sweep =
      read_link_samples(written("nodes,gpus_per_node,collective,bytes,time_s\n2,8,all_reduce,1024,0.5\n"));
  ASSERT_EQ(sweep.size(), 1U);
  EXPECT_EQ(sweep[0].ranks, 16);
  EXPECT_DOUBLE_EQ(sweep[0].seconds, 0.5);
}

TEST_F(LinkSamples, EveryBadLine_IsReported) {
  try {
    static_cast<void>(
        read_link_samples(written("collective,ranks,bytes_per_rank,time_us\nbroadcast,8,1024,1\nalltoall,one,1024,1\n"
                                  "alltoall,8,-1,1\nalltoall,8,1024\nalltoall,8,1024,nan\n")));
    FAIL() << "accepted";
  } catch (const InputError& error) {
    std::vector<int> lines;
    for (const Diagnostic& one : error.diagnostics()) lines.push_back(one.line);
    EXPECT_THAT(lines, ::testing::ElementsAre(2, 3, 4, 5, 6));
  }
  EXPECT_THROW(static_cast<void>(read_link_samples(written("a,b\n1,2\n"))), InputError);
  EXPECT_THROW(static_cast<void>(read_link_samples("/nowhere/samples.csv")), MachineError);
}

}  // namespace
}  // namespace moesim

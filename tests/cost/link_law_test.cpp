#include "moesim/cost/link_law.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr auto kPcie = static_cast<std::size_t>(LinkKind::pcie);
constexpr auto kNic = static_cast<std::size_t>(LinkKind::nic);

FittedLaw law_with(std::map<std::string, double, std::less<>> coefficients) {
  FittedLaw law;
  law.name = "links";
  law.coefficients = std::move(coefficients);
  return law;
}

TEST(LinkLaw, Defaults_GiveTheBoundAndTheLatency) {
  PhaseLoad load;
  load.seconds_per_byte[kPcie] = 1e-10;
  load.seconds_per_byte[kNic] = 2e-10;
  load.latency = 3e-6;
  load.message_per_byte = 0.125;
  EXPECT_DOUBLE_EQ(phase_time(load, {}, 1e6), 3e-6 + 2e-4);
}

// Each term by itself, at a message of 2 MiB (S = 16 MiB, eight ranks).
TEST(LinkLaw, EveryTerm_IsAsDocumented) {
  PhaseLoad load;
  load.seconds_per_byte[kPcie] = 1e-10;
  load.message_per_byte = 0.125;
  load.rounds = 3;
  load.busiest_host = 8;
  const double bytes = 16 * 1048576.0;
  const double drain = bytes * 1e-10;
  const auto with = [&](double LinkCoefficients::*field, double value) {
    LinkCoefficients law;
    law.*field = value;
    return phase_time(load, law, bytes);
  };
  EXPECT_DOUBLE_EQ(with(&LinkCoefficients::startup, 1e-5), drain + 1e-5);
  EXPECT_DOUBLE_EQ(with(&LinkCoefficients::startup_per_round, 1e-5), drain + 3e-5);
  EXPECT_DOUBLE_EQ(with(&LinkCoefficients::bend, 1e-5), drain + 1e-5 * std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(with(&LinkCoefficients::contention, 0.5), drain * 2);
  LinkCoefficients law;
  law.simple_startup = 1e-5;
  law.small_message_cost = 2;
  law.switch_bytes = 2 * 1048576.0;  // half of both
  EXPECT_DOUBLE_EQ(phase_time(load, law, bytes), drain * 2 + 0.5e-5);
  law = {};
  law.contention = 0.5;
  law.contention_ranks = 2;
  EXPECT_DOUBLE_EQ(phase_time(load, law, bytes), drain);
  law = {};
  law.efficiency[kPcie] = 0.25;
  EXPECT_DOUBLE_EQ(phase_time(load, law, bytes), drain * 4);
}

TEST(LinkLaw, SharedNic_SlowsDownWithItsUsers) {
  PhaseLoad load;
  load.seconds_per_byte[kNic] = 1e-10;
  load.network_users = 8;
  load.local_to_remote = 0.5;
  LinkCoefficients law;
  law.nic_contention = 1.0 / 3;
  EXPECT_NEAR(drain_per_byte(load, law), 2e-10, 1e-22);
  law.local_share = 1;
  EXPECT_NEAR(drain_per_byte(load, law), 3e-10, 1e-22);
}

TEST(LinkLaw, UnknownNamesAndBadValues_AreAllReported) {
  try {
    const LinkLaw law(law_with({{"all_to_all.efficiency.pcie", 1.5},
                                {"all_to_all.efficiency.rope", 0.5},
                                {"all_to_all.startup", -1},
                                {"broadcast.startup", 1e-6},
                                {"net.ring.bend_power", 0.5}}));
    FAIL() << "accepted";
  } catch (const InputError& error) {
    std::vector<std::string> keys;
    for (const Diagnostic& one : error.diagnostics()) keys.push_back(one.key);
    EXPECT_THAT(keys, ::testing::UnorderedElementsAre(
                          "coefficients.all_to_all.efficiency.pcie", "coefficients.all_to_all.efficiency.rope",
                          "coefficients.all_to_all.startup", "coefficients.broadcast.startup"));
  }
}

TEST(LinkLaw, MissingFamilies_BorrowFromTheNearest) {
  FittedLaw fitted = law_with({{"all_to_all.startup", 1e-6}, {"net.all_to_all.startup", 2e-6}, {"ring.startup", 3e-6}});
  fitted.spreads = {{"all_to_all.small", 0.1}, {"all_to_all.large", 0.2}};
  fitted.ranges["all_to_all.bytes"] = {512, 1e9};
  const LinkLaw law(fitted);
  const auto startup = [&](LinkFamily family, bool network) {
    return law.family(family, network).coefficients.startup;
  };
  EXPECT_EQ(startup(LinkFamily::all_to_all, false), 1e-6);
  EXPECT_EQ(startup(LinkFamily::all_to_all, true), 2e-6);
  EXPECT_EQ(startup(LinkFamily::all_reduce, false), 3e-6);
  EXPECT_EQ(startup(LinkFamily::all_reduce, true), 2e-6);
  EXPECT_TRUE(law.family(LinkFamily::all_to_all, false).fitted);
  EXPECT_FALSE(law.family(LinkFamily::all_reduce, true).fitted);
  EXPECT_EQ(law.family(LinkFamily::all_to_all, false).spread_large, 0.2);
  EXPECT_EQ(law.family(LinkFamily::all_to_all, false).bytes.hi, 1e9);
}

}  // namespace
}  // namespace moesim

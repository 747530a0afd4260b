#include "analytic/power.hpp"

#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

FittedLaw law(double at_full, double beside_memory, double beside_idle) {
  FittedLaw fitted;
  fitted.name = "power.products";
  fitted.coefficients = {
      {"slowdown_at_full", at_full}, {"free_beside_memory", beside_memory}, {"free_beside_idle", beside_idle}};
  return fitted;
}

/// A step of 1 s: products, other kernels, and the rest idle.
GraphTime step(double products, double memory) {
  GraphTime time;
  time.products = {products};
  time.other_kernels = {memory};
  time.total = {1};
  return time;
}

TEST(SustainedSlowdown, ByHand) {
  const FittedLaw fitted = law(0.2, 0.4, 0.6);
  EXPECT_DOUBLE_EQ(sustained_slowdown(fitted, step(1, 0)), 1.2);
  EXPECT_DOUBLE_EQ(sustained_slowdown(fitted, step(0.3, 0.7)), 1);
  EXPECT_DOUBLE_EQ(sustained_slowdown(fitted, step(0.7, 0.3)), 1 + 0.2 * 0.3 / 0.6);  // beside memory: 0.4 are free
  EXPECT_DOUBLE_EQ(sustained_slowdown(fitted, step(0.8, 0)), 1 + 0.2 * 0.2 / 0.4);    // beside idling: 0.6
  EXPECT_DOUBLE_EQ(sustained_slowdown(fitted, step(0.8, 0.1)), 1 + 0.2 * 0.3 / 0.5);  // half and half
}

TEST(SustainedSlowdown, GrowsWithTheShareOfProducts) {
  const FittedLaw fitted = law(0.13, 0.33, 0.59);
  double last = 1;
  for (double products = 0; products <= 1; products += 0.05) {
    const double slowdown = sustained_slowdown(fitted, step(products, 0.5 * (1 - products)));
    EXPECT_GE(slowdown, last);
    EXPECT_LE(slowdown, 1.13);
    last = slowdown;
  }
}

TEST(SustainedSlowdown, BadCoefficients_AreRefused) {
  EXPECT_THROW((void)sustained_slowdown(law(-0.1, 0.4, 0.6), step(1, 0)), InputError);
  EXPECT_THROW((void)sustained_slowdown(law(0.1, 1, 0.6), step(1, 0)), InputError);
}

}  // namespace
}  // namespace moesim

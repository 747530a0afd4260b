// The BigMac paper's closed forms (Table 3) against the count operator by operator, and its Table 4 to the printed
// digits.
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "moesim/model/counts.hpp"

#include "model/sample_models.hpp"

namespace moesim::testing {
namespace {

struct Case {
  std::string name;
  int layers;
  int hidden;
  int heads;
  int experts;
  int top_k;
  double ratio;
};

Table3Shape shape_of(const Case& c) {
  return {.h = 1.0 * c.hidden,
          .l = 1.0 * c.layers,
          .v = 50257,
          .e = 1.0 * c.experts,
          .k = 1.0 * c.top_k,
          .r = c.ratio,
          .s = 2048,
          .b = 64,
          .ep = 32};
}

/// The paper's models hold no position embeddings in its count.
Model model_of(const Case& c, MoeStructure structure) {
  Model model = gpt(c.layers, c.hidden, c.heads, 0);
  model.moe = with_structure({.experts = c.experts, .top_k = c.top_k}, structure, c.hidden, c.ratio);
  return model;
}

double relative(double a, double b) { return std::abs(a / b - 1); }

class PaperTable3 : public ::testing::TestWithParam<Case> {};

TEST_P(PaperTable3, Parameters_DifferByExpertBiasesAndRouters) {
  const Case& c = GetParam();
  const Table3Shape m = shape_of(c);
  const Model fine = model_of(c, MoeStructure::fine_grained);
  const Model bigmac = model_of(c, MoeStructure::bigmac);
  // Term by term, where they are equal ...
  const auto counts = count_parameters(fine);
  const double attention_and_norms =
      parameters_of(counts, WorkKind::attention) + parameters_of(counts, WorkKind::norms);
  EXPECT_EQ(attention_and_norms, (4 * m.h * m.h + 8 * m.h) * m.l + 2 * m.h);
  EXPECT_EQ(parameters_of(counts, WorkKind::embedding), m.v * m.h);
  Model unbiased = fine;
  unbiased.biases = false;
  EXPECT_EQ(parameters_of(count_parameters(unbiased), WorkKind::experts), 2 * m.r * m.h * m.h * m.e * m.l);
  // ... and where the paper departs from a real model: an expert has r h + h biases (the paper: 2 r h), and every layer
  // a router of e h (the paper: one in all).
  const double expert_biases = (1 - m.r) * m.h * m.e * m.l;
  const double routers = (m.l - 1) * m.e * m.h;
  EXPECT_EQ(total_parameters(fine), table3_fine_grained(m).parameters + expert_biases + routers);
  EXPECT_EQ(total_parameters(bigmac), table3_bigmac(m).parameters + expert_biases + routers);
}

TEST_P(PaperTable3, Flops_DifferByTheRouter) {
  const Case& c = GetParam();
  const Table3Shape m = shape_of(c);
  const double router = 6 * m.b * m.s * m.l * m.h * m.e;
  const Model fine = model_of(c, MoeStructure::fine_grained);
  const Model bigmac = model_of(c, MoeStructure::bigmac);
  EXPECT_LT(relative(training_flops(fine, m.b, m.s).value - router, table3_fine_grained(m).flops.value), 1e-14);
  EXPECT_LT(relative(training_flops(bigmac, m.b, m.s).value - router, table3_bigmac(m).flops.value), 1e-14);
  EXPECT_EQ(3 * flops_of(count_forward_flops(fine, m.b, m.s), WorkKind::router).value, router);
  // BigMac adds its two projections
  const auto counts = count_forward_flops(bigmac, m.b, m.s);
  const Flops projections = flops_of(counts, WorkKind::descend) + flops_of(counts, WorkKind::ascend);
  EXPECT_EQ(3 * projections.value, 12 * m.r * m.b * m.s * m.l * m.h * m.h);
}

TEST_P(PaperTable3, AllToAllBytes_AreEqual) {
  const Case& c = GetParam();
  const Table3Shape m = shape_of(c);
  EXPECT_EQ(all_to_all_bytes(model_of(c, MoeStructure::fine_grained), m.b * m.s, 32),
            table3_fine_grained(m).all_to_all);
  EXPECT_EQ(all_to_all_bytes(model_of(c, MoeStructure::bigmac), m.b * m.s, 32), table3_bigmac(m).all_to_all);
}

INSTANTIATE_TEST_SUITE_P(BaseModels, PaperTable3,
                         ::testing::Values(Case{"MediumK1", 24, 1024, 16, 64, 1, 0.25},
                                           Case{"MediumK8", 24, 1024, 16, 64, 8, 0.25},
                                           Case{"XlK4", 24, 2048, 16, 64, 4, 0.25},
                                           Case{"XlK8", 24, 2048, 16, 64, 8, 0.25},
                                           Case{"Gpt2p7bHalf", 32, 2560, 32, 32, 4, 0.5},
                                           Case{"Gpt6p7bEighth", 32, 4096, 32, 128, 8, 0.125}),
                         [](const auto& instance) { return instance.param.name; });

TEST(PaperTable4, EveryNumber_ToThePrintedDigits) {
  // 524,288 tokens in 256 sequences
  Table3Shape xl{.h = 2048, .l = 24, .v = 50257, .e = 64, .k = 8, .r = 0.25, .s = 2048, .b = 256, .ep = 32};
  const double gib = 1024.0 * 1024 * 1024;
  EXPECT_EQ(fmt::format("{:.2f}", table3_fine_grained(xl).parameters / 1e9), "3.73");
  EXPECT_EQ(fmt::format("{:.2f}", table3_bigmac(xl).parameters / 1e9), "3.78");
  EXPECT_EQ(fmt::format("{:.2f}", table3_fine_grained(xl).all_to_all.value / gib), "1488.00");
  EXPECT_EQ(fmt::format("{:.2f}", table3_bigmac(xl).all_to_all.value / gib), "372.00");
  // 50257 words would give 3490.37 and 3648.70; Megatron pads them to a multiple of 128
  EXPECT_EQ(fmt::format("{:.2f}", table3_fine_grained(xl).flops.value / 1e12), "3490.37");
  xl.v = 50304;
  EXPECT_EQ(fmt::format("{:.2f}", table3_fine_grained(xl).flops.value / 1e12), "3490.67");
  EXPECT_EQ(fmt::format("{:.2f}", table3_bigmac(xl).flops.value / 1e12), "3649.00");
  EXPECT_EQ(fmt::format("{:.2f}", table3_fine_grained(xl).parameters / 1e9), "3.73");
  EXPECT_EQ(fmt::format("{:.2f}", table3_bigmac(xl).parameters / 1e9), "3.78");
}

TEST(PaperTable4, RealModel_HasTheSamePrintedParametersAndBytes) {
  const Case xl{"", 24, 2048, 16, 64, 8, 0.25};
  const Model fine = model_of(xl, MoeStructure::fine_grained);
  const Model bigmac = model_of(xl, MoeStructure::bigmac);
  // + 5.4 million of expert biases and routers
  EXPECT_EQ(total_parameters(fine) - 3'728'906'240, 2'359'296 + 3'014'656);
  EXPECT_EQ(fmt::format("{:.2f}", total_parameters(fine) / 1e9), "3.73");
  EXPECT_EQ(fmt::format("{:.2f}", total_parameters(bigmac) / 1e9), "3.78");
  EXPECT_EQ(all_to_all_bytes(fine, 524288, 32).value, 1488.0 * 1024 * 1024 * 1024);
  EXPECT_EQ(all_to_all_bytes(bigmac, 524288, 32).value, 372.0 * 1024 * 1024 * 1024);
}

}  // namespace
}  // namespace moesim::testing

#include "cli/kernel_shapes.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <numeric>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace moesim::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Read {
  std::optional<KernelCase> shape;
  std::vector<std::string> problems;  ///< "argument: message"
};

Read read(std::string_view kernel, const std::map<std::string, std::string>& given) {
  const auto kind = std::ranges::find(kernel_kinds(), kernel, &KernelKind::name);
  std::vector<const std::string*> texts;
  for (const KernelArgument& argument : kind->arguments) {
    const auto text = given.find(std::string(argument.name));
    texts.push_back(text == given.end() ? nullptr : &text->second);
  }
  std::vector<ShapeProblem> wrong;
  Read result{.shape = read_shape(*kind, texts, wrong), .problems = {}};
  for (const ShapeProblem& problem : wrong) {
    result.problems.push_back(std::string(kind->arguments[problem.argument].name) + ": " + problem.message);
  }
  return result;
}

TEST(ReadShape, Gemm_TakesWholeNumbersAndAType) {
  const Read found = read("gemm", {{"m", "128"}, {"n", "256.0"}, {"k", "1e3"}, {"dtype", "fp16"}});
  ASSERT_TRUE(found.shape);
  const auto& shape = std::get<GemmShape>(*found.shape);
  EXPECT_EQ(shape.m, 128);
  EXPECT_EQ(shape.n, 256);
  EXPECT_EQ(shape.k, 1000);
  EXPECT_EQ(shape.dtype, DType::fp16);
  EXPECT_EQ(matrix_work(*found.shape)->value, 2.0 * 128 * 256 * 1000);
  EXPECT_EQ(matrix_dtype(*found.shape), DType::fp16);
}

TEST(ReadShape, Gemm_ReportsEveryBadArgument) {
  const Read found = read("gemm", {{"m", "0"}, {"n", "12x"}, {"dtype", "bf17"}});
  EXPECT_FALSE(found.shape);
  ASSERT_EQ(found.problems.size(), 4U);
  EXPECT_THAT(found.problems[0], HasSubstr("m: \"0\" is not a whole number"));
  EXPECT_THAT(found.problems[1], HasSubstr("n: \"12x\" is not a whole number"));
  EXPECT_THAT(found.problems[2], HasSubstr("k: is missing"));
  EXPECT_THAT(found.problems[3], HasSubstr("dtype: \"bf17\" is no choice (one of: fp32"));
}

TEST(ReadShape, WholeNumbers_RefuseWhatIsNone) {
  for (const char* const text : {"", "-1", "1.5", "inf", "nan", "1e13", "0x10", "1 2", "4096B"}) {
    EXPECT_FALSE(read("gemm", {{"m", text}, {"n", "1"}, {"k", "1"}}).shape) << text;
  }
}

TEST(ReadShape, GroupedGemm_TakesRowsOfEachExpert) {
  for (const char* const text : {"3,0,5", "3 0 5", "3;0;5", "3, 0, 5"}) {
    const Read found = read("grouped_gemm", {{"rows", text}, {"n", "8"}, {"k", "4"}});
    ASSERT_TRUE(found.shape) << text;
    EXPECT_THAT(std::get<ExpertGemms>(*found.shape).rows, ElementsAre(3, 0, 5)) << text;
    EXPECT_EQ(matrix_work(*found.shape)->value, 2.0 * 8 * 8 * 4);
  }
}

TEST(ReadShape, GroupedGemm_NeedsExactlyOneWayToSayRows) {
  EXPECT_THAT(read("grouped_gemm", {{"n", "8"}, {"k", "4"}}).problems,
              ElementsAre(HasSubstr("rows: either rows, or experts")));
  EXPECT_THAT(read("grouped_gemm", {{"rows", "1"}, {"experts", "2"}, {"tokens", "4"}, {"n", "8"}, {"k", "4"}}).problems,
              ElementsAre(HasSubstr("rows: either rows, or experts")));
  EXPECT_THAT(read("grouped_gemm", {{"experts", "2"}, {"n", "8"}, {"k", "4"}}).problems,
              ElementsAre(HasSubstr("tokens: is missing")));
  EXPECT_THAT(read("grouped_gemm", {{"rows", "0,0"}, {"n", "8"}, {"k", "4"}}).problems,
              ElementsAre(HasSubstr("rows: are all 0")));
}

RC_GTEST_PROP(ReadShape, GroupedGemm_SpreadsAllTokensEvenly, ()) {
  const int experts = *rc::gen::inRange(1, 200);
  const int tokens = *rc::gen::inRange(1, 100000);
  const Read found =
      read("grouped_gemm",
           {{"experts", std::to_string(experts)}, {"tokens", std::to_string(tokens)}, {"n", "8"}, {"k", "4"}});
  RC_ASSERT(found.shape.has_value());
  const std::vector<double>& rows = std::get<ExpertGemms>(*found.shape).rows;
  RC_ASSERT(rows.size() == static_cast<std::size_t>(experts));
  RC_ASSERT(std::accumulate(rows.begin(), rows.end(), 0.0) == tokens);
  const auto [least, most] = std::ranges::minmax(rows);
  RC_ASSERT(most - least <= 1);
}

TEST(ReadShape, Attention_HasDefaultsForTheUsual) {
  const Read found = read("attention", {{"query-tokens", "2048"}, {"heads", "16"}});
  ASSERT_TRUE(found.shape);
  const auto& shape = std::get<AttentionShape>(*found.shape);
  EXPECT_EQ(shape.sequences, 1);
  EXPECT_EQ(shape.context_tokens, 2048);
  EXPECT_EQ(shape.kv_heads, 16);
  EXPECT_EQ(shape.head_dim, 128);
  EXPECT_TRUE(shape.causal);
  EXPECT_FALSE(shape.backward);
  EXPECT_FALSE(shape.writes_cache);
}

TEST(ReadShape, Attention_RefusesWhatCannotBe) {
  EXPECT_THAT(read("attention", {{"query-tokens", "8"}, {"heads", "16"}, {"kv-heads", "3"}}).problems,
              ElementsAre(HasSubstr("kv-heads: 3 does not divide the 16 heads")));
  EXPECT_THAT(read("attention", {{"query-tokens", "8"}, {"context-tokens", "4"}, {"heads", "16"}}).problems,
              ElementsAre(HasSubstr("context-tokens: fewer keys than queries")));
  EXPECT_TRUE(
      read("attention", {{"query-tokens", "8"}, {"context-tokens", "4"}, {"heads", "16"}, {"causal", "no"}}).shape);
}

TEST(ReadShape, MemoryKernels_TakeBytesOrRows) {
  const Read bytes = read("router", {{"bytes", "64MiB"}});
  ASSERT_TRUE(bytes.shape);
  EXPECT_EQ(std::get<MemoryTraffic>(*bytes.shape).over.moved.value, 64.0 * 1024 * 1024);
  EXPECT_EQ(std::get<MemoryTraffic>(*bytes.shape).kernel, MemoryKernel::router);
  const Read rows = read("permute", {{"rows", "10"}, {"width", "100"}, {"passes", "3"}, {"dtype", "fp32"}});
  ASSERT_TRUE(rows.shape);
  EXPECT_EQ(std::get<MemoryTraffic>(*rows.shape).over.moved.value, 10.0 * 100 * 3 * 4);
  EXPECT_FALSE(matrix_dtype(*rows.shape));
  EXPECT_FALSE(matrix_work(*rows.shape));
}

TEST(ReadShape, MemoryKernels_RefuseSizesWithoutUnit) {
  EXPECT_THAT(read("norm", {{"bytes", "1024"}}).problems,
              ElementsAre(HasSubstr("bytes: \"1024\" is not a positive size with its unit")));
  EXPECT_THAT(read("norm", {{"bytes", "-1MiB"}}).problems, ElementsAre(HasSubstr("bytes:")));
  EXPECT_THAT(read("norm", {}).problems, ElementsAre(HasSubstr("bytes: either bytes, or rows and width")));
  EXPECT_THAT(read("norm", {{"rows", "8"}}).problems, ElementsAre(HasSubstr("width: is missing")));
}

TEST(KernelKinds, EveryMemoryKernel_HasASummary) {
  EXPECT_EQ(kernel_kinds().size(), 3 + kMemoryKernels.size());
  for (const KernelKind& kind : kernel_kinds()) EXPECT_FALSE(kind.summary.empty()) << kind.name;
}

}  // namespace
}  // namespace moesim::cli

#include "moesim/base/diagnostic.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace moesim {
namespace {

TEST(Diagnostic, PrintsFileLineColumnKeyAndProblem) {
  const Diagnostic diagnostic{"configs/models/mixtral.yaml", 14, 10, "model.moe.top_k = 9",
                              "must not exceed experts (8)"};
  EXPECT_EQ(to_string(diagnostic),
            "configs/models/mixtral.yaml:14:10: model.moe.top_k = 9: must not exceed experts (8)");
}

TEST(Diagnostic, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(to_string({"a.yaml", 3, 0, "gpus", "missing"}), "a.yaml:3: gpus: missing");
  EXPECT_EQ(to_string({"a.yaml", 0, 0, "gpus", "missing"}), "a.yaml: gpus: missing");
  EXPECT_EQ(to_string({"a.yaml", 0, 7, "", "is a directory"}), "a.yaml: is a directory");
  EXPECT_EQ(to_string({"", 0, 0, "", "no such command"}), "no such command");
  EXPECT_EQ(to_string({"--set", 1, 0, "model", "unknown"}), "--set:1: model: unknown");
}

TEST(InputError, CarriesAllProblemsOneLineEach) {
  const std::vector<Diagnostic> problems = {{"a.yaml", 1, 2, "x", "first"}, {"b.yaml", 3, 4, "y", "second"}};
  const InputError error(problems);
  EXPECT_STREQ(error.what(), "a.yaml:1:2: x: first\nb.yaml:3:4: y: second");
  EXPECT_EQ(error.diagnostics(), problems);
}

TEST(InputError, OfOneMessageHasOneDiagnosticWithoutAPlace) {
  const InputError error("--ranks must be positive");
  EXPECT_STREQ(error.what(), "--ranks must be positive");
  ASSERT_EQ(error.diagnostics().size(), 1U);
  EXPECT_EQ(error.diagnostics().front(), (Diagnostic{"", 0, 0, "", "--ranks must be positive"}));
}

TEST(InputError, WithoutAProblemIsAMistakeOfOurs) {
  EXPECT_THROW(throw InputError(std::vector<Diagnostic>{}), ContractViolation);
}

TEST(Contract, NamesTheConditionAndItsPlace) {
  EXPECT_NO_THROW(MOESIM_EXPECTS(1 + 1 == 2));
  try {
    MOESIM_ENSURES(1 + 1 == 3);
    FAIL() << "a violated postcondition must throw";
  } catch (const ContractViolation& violation) {
    const std::string what = violation.what();
    EXPECT_NE(what.find("postcondition does not hold: 1 + 1 == 3"), std::string::npos) << what;
    EXPECT_NE(what.find("diagnostic_test.cpp:"), std::string::npos) << what;
  }
  EXPECT_THROW(MOESIM_EXPECTS(false), ContractViolation);
}

}  // namespace
}  // namespace moesim

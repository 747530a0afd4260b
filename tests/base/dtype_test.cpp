#include "moesim/base/dtype.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string_view>

namespace moesim {
namespace {

// bytes_per_element and dtype_name index the table by the enumerator's value.
TEST(DType, TableStandsInTheOrderOfTheEnumerators) {
  for (const NamedDType& named : kDTypes) {
    EXPECT_EQ(dtype_name(named.dtype), named.name);
    EXPECT_EQ(bytes_per_element(named.dtype), named.bytes);
  }
}

TEST(DType, NamesAreDifferent) {
  std::set<std::string_view> names;
  for (const NamedDType& named : kDTypes) names.insert(named.name);
  EXPECT_EQ(names.size(), kDTypes.size());
}

TEST(DType, Sizes) {
  EXPECT_EQ(bytes_per_element(DType::fp32), 4);
  EXPECT_EQ(bytes_per_element(DType::tf32), 4);
  EXPECT_EQ(bytes_per_element(DType::bf16), 2);
  EXPECT_EQ(bytes_per_element(DType::fp16), 2);
  EXPECT_EQ(bytes_per_element(DType::fp8), 1);
  EXPECT_EQ(bytes_per_element(DType::int8), 1);
}

}  // namespace
}  // namespace moesim

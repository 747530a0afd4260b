#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "moesim/base/quantity_text.hpp"

namespace {

/// Any text is refused or is a finite number of SI units that survives writing and reading.
template <class Q>
void check(std::string_view text) {
  const auto read = moesim::parse_quantity<Q>(text);
  if (!read) return;
  if (!std::isfinite(read->value)) std::abort();
  if (moesim::parse_quantity<Q>(moesim::exact_quantity(*read)) != read) std::abort();
  if (moesim::format_quantity(*read).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check<moesim::Seconds>(text);
  check<moesim::Bytes>(text);
  check<moesim::BytesPerSecond>(text);
  check<moesim::FlopsPerSecond>(text);
  return 0;
}

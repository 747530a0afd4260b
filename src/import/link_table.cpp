#include "import/link_table.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "moesim/cost/collectives.hpp"
#include "moesim/fit/calibrate.hpp"
#include "moesim/import/import.hpp"

namespace moesim {

std::string link_table(std::span<const LinkSample> samples, const std::string& origin) {
  std::string csv = fmt::format("# {}\ncollective,ranks,bytes_per_rank,time_us\n", origin);
  for (const LinkSample& one : samples) {
    const auto named = std::ranges::find(kCollectives, one.kind, &NamedCollective::kind);
    csv += fmt::format("{},{},{:.0f},{:.6g}\n", named->name, one.ranks, one.bytes, 1e6 * one.seconds);
  }
  return csv;
}

Imported import_nccl_tests(std::string_view text, const std::string& file) {
  const std::vector<LinkSample> samples = parse_nccl_tests(text, file);
  return {.text = link_table(samples, "from nccl-tests, out of place; bytes_per_rank is its size"),
          .notes = {fmt::format("{} samples of {} ranks", samples.size(), samples.front().ranks)}};
}

}  // namespace moesim

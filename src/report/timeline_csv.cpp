#include "moesim/report/timeline_csv.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <tuple>

#include "report/csv.hpp"
#include "report/names.hpp"

namespace moesim {
namespace {

std::string known(int number) { return number < 0 ? std::string() : fmt::format("{}", number); }

}  // namespace

std::string to_timeline_csv(const std::vector<NamedTimelines>& cases) {
  std::string out = "case,timeline,rank,stage,stream,op,kind,micro_batch,layer,begin_s,end_s\n";
  for (const NamedTimelines& one : cases) {
    const std::string name = csv::cell(one.name);
    for (std::size_t number = 0; number < one.timelines.size(); ++number) {
      std::vector<const OpSpan*> spans;
      for (const OpSpan& span : one.timelines[number].ops) spans.push_back(&span);
      std::ranges::stable_sort(
          spans, {}, [](const OpSpan* span) { return std::tuple(span->rank, span->stream, span->begin.value); });
      for (const OpSpan* span : spans) {
        fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{},{},{},{},{}\n", name, number, span->rank.value,
                       span->stage, csv::identifier(kStreamNames.at(static_cast<std::size_t>(span->stream))),
                       span->name, work_kind_name(span->kind), known(span->micro_batch), known(span->layer),
                       span->begin.value, span->end.value);
      }
    }
  }
  return out;
}

}  // namespace moesim

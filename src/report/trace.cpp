#include "moesim/report/trace.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "report/names.hpp"

// Written piece by piece: a step of a few hundred ranks has a million events, too many for a tree in memory. Strings go
// through the JSON library, which knows how to quote them.
namespace moesim {
namespace {

constexpr std::size_t kBins = 500;

std::string json_value(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
std::string json_string(std::string_view text) { return json_value(text); }

class Writer {
 public:
  Writer(const CollectiveModel& model, const RunInfo& run) : model_(model) {
    fmt::format_to(
        out(), R"({{"displayTimeUnit":"ms","otherData":{{"version":{},"git_commit":{},"engine":{},"arguments":{}}},)",
        json_string(run.version), json_string(run.git_commit), json_string(run.engine), json_value(run.arguments));
    text_ += R"("traceEvents":[)";
  }

  void add(const Timeline& timeline) {
    for (const OpSpan& op : timeline.ops) {
      name_thread(op.rank, op.stream);
      event(R"({{"name":{},"cat":{},"ph":"X","pid":{},"tid":{},"ts":{:.4f},"dur":{:.4f},)"
            R"("args":{{"layer":{},"micro_batch":{}}}}})",
            json_string(op.name), json_string(work_kind_name(op.kind)), op.rank.value, static_cast<int>(op.stream),
            microseconds(op.begin), 1e6 * (op.end - op.begin).value, std::max(op.layer, 0),
            std::max(op.micro_batch, 0));
    }
    for (const FlowSpan& flow : timeline.flows) {
      name_rank(flow.from);
      const std::string name = json_string(fmt::format("{} to rank {}", flow.name, flow.to.value));
      event(R"({{"name":{},"cat":"flow","ph":"b","id":{},"pid":{},"tid":{},"ts":{:.4f},"args":{{"bytes":{}}}}})", name,
            flows_, flow.from.value, kFlowThread, microseconds(flow.begin), std::llround(flow.bytes.value));
      event(R"({{"name":{},"cat":"flow","ph":"e","id":{},"pid":{},"tid":{},"ts":{:.4f}}})", name, flows_,
            flow.from.value, kFlowThread, microseconds(flow.end));
      ++flows_;
    }
    add_links(timeline);
    offset_ += timeline.end;
  }

  std::string finish() {
    text_ += "\n]}\n";
    return std::move(text_);
  }

 private:
  static constexpr int kFlowThread = kStreams;

  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }
  [[nodiscard]] double microseconds(Seconds time) const { return 1e6 * (offset_ + time).value; }

  template <class... Arguments>
  void event(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    text_ += first_ ? "\n" : ",\n";
    first_ = false;
    fmt::format_to(out(), format, std::forward<Arguments>(arguments)...);
  }

  void name_rank(RankId rank) {
    if (!named_ranks_.insert(rank.value).second) return;
    const NodeId gpu = model_.topology().gpus()[rank.index()];
    event(R"({{"name":"process_name","ph":"M","pid":{},"args":{{"name":{}}}}})", rank.value,
          json_string(fmt::format("rank {} ({})", rank.value, model_.topology().node(gpu).name)));
    event(R"({{"name":"process_sort_index","ph":"M","pid":{0},"args":{{"sort_index":{0}}}}})", rank.value);
  }

  void name_thread(RankId rank, Stream stream) {
    name_rank(rank);
    if (!named_threads_.insert({rank.value, static_cast<int>(stream)}).second) return;
    event(R"({{"name":"thread_name","ph":"M","pid":{},"tid":{},"args":{{"name":{}}}}})", rank.value,
          static_cast<int>(stream), json_string(kStreamNames.at(static_cast<std::size_t>(stream))));
  }

  void add_links(const Timeline& timeline) {
    const int links = model_.topology().ranks();  // the process after the last rank
    const auto use = link_utilization(timeline, model_, kBins);
    for (std::size_t link = 0; link < use.size(); ++link) {
      double before = -1;
      for (std::size_t bin = 0; bin < use[link].size(); ++bin) {
        const double now = std::round(1e4 * use[link][bin]) * 1e-4;
        if (now == before) continue;
        before = now;
        if (!links_named_) {
          event(R"({{"name":"process_name","ph":"M","pid":{},"args":{{"name":"links"}}}})", links);
          links_named_ = true;
        }
        const Seconds at = (static_cast<double>(bin) / kBins) * timeline.end;
        event(R"({{"name":{},"cat":"link","ph":"C","pid":{},"ts":{:.4f},"args":{{"utilization":{:.4f}}}}})",
              json_string(model_.topology().links()[link].name), links, microseconds(at), now);
      }
    }
  }

  const CollectiveModel& model_;
  std::string text_;
  bool first_ = true;
  Seconds offset_;
  std::size_t flows_ = 0;
  bool links_named_ = false;
  std::set<std::uint32_t> named_ranks_;
  std::set<std::pair<std::uint32_t, int>> named_threads_;
};

}  // namespace

std::string to_chrome_trace(const std::vector<Timeline>& timelines, const CollectiveModel& model, const RunInfo& run) {
  Writer writer(model, run);
  for (const Timeline& timeline : timelines) writer.add(timeline);
  return writer.finish();
}

}  // namespace moesim

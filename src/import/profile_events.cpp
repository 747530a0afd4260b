#include "import/profile_events.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

using nlohmann::json;

std::vector<std::vector<double>> lists_in(const json& value) {
  std::vector<std::vector<double>> lists;
  if (!value.is_array()) return lists;
  for (const json& one : value) {
    std::vector<double>& list = lists.emplace_back();
    if (!one.is_array()) continue;
    for (const json& item : one) list.push_back(number_in(item).value_or(0));
  }
  return lists;
}

std::vector<std::string> texts_in(const json& value) {
  std::vector<std::string> texts;
  if (!value.is_array()) return texts;
  for (const json& one : value) texts.push_back(text_in(one));
  return texts;
}

/// One thread's operators nest: the last one begun and not ended is the parent of the next.
void nest(std::vector<HostOp>& ops, std::vector<int>& thread) {
  std::ranges::stable_sort(thread, [&](int a, int b) {
    const HostOp& left = ops[static_cast<std::size_t>(a)];
    const HostOp& right = ops[static_cast<std::size_t>(b)];
    return left.begin != right.begin ? left.begin < right.begin : left.end > right.end;
  });
  std::vector<int> open;
  for (const int index : thread) {
    HostOp& op = ops[static_cast<std::size_t>(index)];
    while (!open.empty() && ops[static_cast<std::size_t>(open.back())].end <= op.begin) open.pop_back();
    op.parent = open.empty() ? -1 : open.back();
    open.push_back(index);
  }
}

/// Ids of threads and launches, whichever of number and text they are.
std::string key_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? value.dump() : std::string();
}

}  // namespace

ProfileEvents read_profile(std::string_view text, const std::string& file) {
  const json trace = parse_json(text, file);
  const json& events = member(trace, "traceEvents");
  if (!events.is_array()) {
    throw InputError(
        {Diagnostic{.file = file, .message = "has no traceEvents (a Chrome trace of torch.profiler is expected)"}});
  }
  ProfileEvents result;
  const json& devices = member(trace, "deviceProperties");
  if (devices.is_array() && !devices.empty()) result.device = text_in(member(devices.front(), "name"));

  std::map<std::string, int> op_of_id;          // External id
  std::map<std::string, std::string> launches;  // correlation -> External id of the launch
  std::map<std::string, std::vector<int>> threads;
  struct Launched {
    std::string id;
    std::string correlation;
  };
  std::vector<Launched> launched;
  for (const json& event : events) {
    if (text_in(member(event, "ph")) != "X") continue;
    const std::string category = text_in(member(event, "cat"));
    const json& arguments = member(event, "args");
    const std::string id = key_of(member(arguments, "External id"));
    const std::string correlation = key_of(member(arguments, "correlation"));
    const double begin = number_in(member(event, "ts")).value_or(0);
    const double microseconds = std::max(number_in(member(event, "dur")).value_or(0), 0.0);
    if (category == "cpu_op") {
      const int index = static_cast<int>(result.ops.size());
      result.ops.push_back({.name = text_in(member(event, "name")),
                            .begin = begin,
                            .end = begin + microseconds,
                            .parent = -1,
                            .shapes = lists_in(member(arguments, "Input Dims")),
                            .strides = lists_in(member(arguments, "Input Strides")),
                            .types = texts_in(member(arguments, "Input type")),
                            .values = texts_in(member(arguments, "Concrete Inputs"))});
      if (!id.empty()) op_of_id[id] = index;
      threads[key_of(member(event, "pid")) + " " + key_of(member(event, "tid"))].push_back(index);
    } else if (category == "cuda_runtime" || category == "cuda_driver") {
      if (!correlation.empty() && !id.empty()) launches[correlation] = id;
    } else if (category == "kernel") {
      result.kernels.push_back({.name = text_in(member(event, "name")), .microseconds = microseconds, .op = -1});
      launched.push_back({id, correlation});
    }
  }
  for (auto& [thread, ops] : threads) nest(result.ops, ops);
  for (std::size_t i = 0; i < launched.size(); ++i) {
    auto found = op_of_id.find(launched[i].id);
    if (found == op_of_id.end()) {
      const auto launch = launches.find(launched[i].correlation);
      if (launch != launches.end()) found = op_of_id.find(launch->second);
    }
    if (found != op_of_id.end()) result.kernels[i].op = found->second;
  }
  return result;
}

}  // namespace moesim

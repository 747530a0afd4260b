#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/scenario/load.hpp"

#include "scenario/choices.hpp"
#include "scenario/config_parse.hpp"
#include "scenario/scenario_keys.hpp"
#include "scenario/sections.hpp"

namespace moesim {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

This page is written by the program (the readers of the files describe their own keys) and a test compares the two.

## Files and references

A scenario names a cluster, a model and a framework; a cluster names a device and a calibration of its links; a device names
a calibration of its kernels. Each of these keys takes

- a name: `cluster: paper_4x8` is `configs/clusters/paper_4x8.yaml` (`configs/models`, `configs/devices`,
  `configs/frameworks`, `calibration`), looked for beside the nearest `configs/` folder above the file that says it, then where
  the program was told to look;
- a path, when it has a slash or ends in `.yaml`: relative to the file that says it (in `--set`: to the working directory);
- a map with all keys of such a file;
- a map with `base:` (a name or a path) and the keys that differ: `cluster: {base: paper_4x8, nic: {count: 2}}`.

Any file may begin with `base:`, too. What is laid over something else is merged map by map; numbers, words and lists are
replaced as a whole. `~` takes a value away, as if the key were not there.

## Variants and overrides

Each entry of `variants:` is a set of changes to the scenario; a name alone there replaces a section, a map is merged into
it. The order is:

1. the file over its `base`;
2. `--set key.path=value`, in the order given, over that: `--set model.moe.top_k=4`, `--set cluster.nic.bandwidth=400Gbps` (a
   section that was only a name becomes `base:` and the change), `--set cluster.links.0.latency=2us` (lists by index from 0);
3. each variant over the result.

So an override of a shared key yields to a variant that sets the same key; `--set variants.bigmac.model.moe.low_rank_ratio=0.125`
changes the variant itself. A problem in an override is reported at `--set:N`, N being its number.

## Values

Quantities carry their unit, and a bare number is an error: `64MiB`, `12.5GB/s`, `100Gbps`, `2us`, `149.7TFLOPS`. `k M G T P` are
powers of 1000, `Ki Mi Gi Ti` of 1024; `b` is a bit, `B` a byte. Numbers are not quoted; `true` and `false` are the only flags.
All files are strict: unknown and duplicate keys are errors, YAML tags and merge keys are not known, anchors may not expand
beyond)";

/// One kind of file or section, as a chapter: its own keys, then those of the maps inside.
void write_chapter(std::string& page, std::string_view title, const std::vector<KeyDoc>& docs) {
  page += fmt::format("\n## {}\n", title);
  std::string_view section = "\n";  // no section is called that
  for (const KeyDoc& doc : docs) {
    if (doc.section != section) {
      if (&doc != &docs.front()) page += fmt::format("\n### {}\n", doc.section);
      page += "\n| key | type | range | default | meaning |\n|---|---|---|---|---|\n";
      section = doc.section;
    }
    page += fmt::format("| `{}` | {} | {} | {} | {} |\n", doc.key, doc.type, doc.limits, doc.fallback, doc.what);
  }
}

/// Readers visit inner maps where these stand; in a table every map has its keys together.
std::vector<KeyDoc> grouped(const std::vector<KeyDoc>& docs) {
  std::vector<std::string_view> order;
  for (const KeyDoc& doc : docs) {
    if (std::find(order.begin(), order.end(), doc.section) == order.end()) order.push_back(doc.section);
  }
  std::vector<KeyDoc> sorted;
  for (const std::string_view section : order) {
    for (const KeyDoc& doc : docs) {
      const bool again = std::any_of(sorted.begin(), sorted.end(), [&](const KeyDoc& other) {
        return other.section == doc.section && other.key == doc.key;
      });
      if (doc.section == section && !again) sorted.push_back(doc);
    }
  }
  return sorted;
}

template <class Visit>
std::vector<KeyDoc> described(std::string path, Visit visit) {
  std::vector<KeyDoc> docs;
  ReadLog log;
  log.docs = &docs;
  visit(Reader(ConfigNode::map({}, {}), std::move(path), log));
  return grouped(docs);
}

void visit_scenario(Reader in) {
  using namespace scenario_keys;
  static_cast<void>(in.text(kName));
  static_cast<void>(in.choice(kMode, kModeChoices));
  for (const Key& key : {kCluster, kModel, kFramework}) static_cast<void>(in.section(key));
  static_cast<void>(in.child(kWorkload));
  for (const Key& key : {kParallelism, kRouting}) static_cast<void>(in.optional_child(key));
  static_cast<void>(in.texts(kAssumptions, kMostAssumptions));
  static_cast<void>(in.optional_child({"variants", "NAME: {changes}, ... compared side by side; see above"}));
}

}  // namespace

std::string describe_configuration() {
  std::string page =
      fmt::format("{} {} values, files hold at most {} MiB.\n", kIntroduction, kMaxNodes, kMaxFileBytes >> 20U);
  write_chapter(page, "Scenario", described({}, visit_scenario));
  write_chapter(page, "Parallelism",
                described("parallelism", [](Reader in) { static_cast<void>(read_parallelism(std::move(in), 0)); }));
  write_chapter(page, "Workload of `mode: training`",
                described("workload", [](Reader in) { static_cast<void>(read_training(std::move(in))); }));
  write_chapter(page, "Workload of `mode: inference`",
                described("workload", [](Reader in) { static_cast<void>(read_inference(std::move(in))); }));
  write_chapter(page, "Routing", described("routing", [](Reader in) {
                  static_cast<void>(read_routing(std::move(in), nullptr, nullptr, 1));
                }));
  write_chapter(page, "Model", described("model", [](Reader in) { static_cast<void>(read_model(std::move(in))); }));
  write_chapter(page, "Framework",
                described("framework", [](Reader in) { static_cast<void>(read_framework(std::move(in))); }));
  write_chapter(page, "Cluster",
                described("cluster", [](Reader in) { static_cast<void>(read_cluster(std::move(in))); }));
  page += "\nTopologies and the keys that each reads; other keys of `box`, `nic` and `fabric` are refused:\n\n";
  page += "| topology | what | keys |\n|---|---|---|\n";
  for (const NamedTopology& topology : kTopologies) {
    page += fmt::format("| `{}` | {} | {} |\n", topology.name, topology.description, fmt::join(topology.keys, ", "));
  }
  write_chapter(page, "Device", described("device", [](Reader in) { static_cast<void>(read_device(std::move(in))); }));
  write_chapter(page, "Calibration",
                described("calibration", [](Reader in) { static_cast<void>(read_calibration(std::move(in))); }));
  return page;
}

}  // namespace moesim

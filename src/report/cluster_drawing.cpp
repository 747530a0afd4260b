#include "moesim/report/cluster_drawing.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "report/cluster_layout.hpp"
#include "report/json_text.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

/// Nodes of the cluster -> drawn nodes.
class Folding {
 public:
  explicit Folding(const Topology& topology) : topology_(topology), drawn_(topology.nodes().size()) {
    fold_machines();
    fold_switches();
    fold_links();
  }
  ClusterDrawing take() { return std::move(drawing_); }

 private:
  /// How a machine is built: its parts in order and the links between them and out of it, without its number.
  [[nodiscard]] std::string build_of(const std::vector<std::size_t>& parts) const {
    std::map<std::size_t, std::size_t> place;
    std::string text;
    for (const std::size_t part : parts) {
      place.emplace(part, place.size());
      text += fmt::format("{};", static_cast<int>(topology_.nodes()[part].kind));
    }
    for (const std::size_t part : parts) {
      for (const LinkId id : topology_.links_from(NodeId{part})) {
        const Link& link = topology_.link(id);
        const auto inside = place.find(link.to.index());
        text +=
            fmt::format("{}>{}:{}@{};", place.at(part), inside == place.end() ? "out" : std::to_string(inside->second),
                        static_cast<int>(link.kind), link.capacity.value);
      }
    }
    return text;
  }

  void fold_machines() {
    std::vector<std::vector<std::size_t>> machines(static_cast<std::size_t>(topology_.hosts()));
    for (std::size_t n = 0; n < topology_.nodes().size(); ++n) {
      if (topology_.nodes()[n].host >= 0) machines[static_cast<std::size_t>(topology_.nodes()[n].host)].push_back(n);
    }
    std::map<std::string, std::pair<std::size_t, std::size_t>> known;  ///< build -> box, its first drawn node
    for (const std::vector<std::size_t>& parts : machines) {
      if (parts.empty()) continue;
      const auto [found, is_new] =
          known.try_emplace(build_of(parts), std::pair{drawing_.boxes.size(), drawing_.nodes.size()});
      const auto [box, first] = found->second;
      if (is_new) {
        const std::string& name = topology_.nodes()[parts.front()].name;
        const std::size_t slash = name.find('/');
        drawing_.boxes.push_back({.name = slash == std::string::npos ? "machine" : name.substr(0, slash), .count = 0});
        for (const std::size_t part : parts) {
          const Node& node = topology_.nodes()[part];
          const std::string prefix = drawing_.boxes.back().name + "/";
          drawing_.nodes.push_back({.name = node.name.starts_with(prefix) ? node.name.substr(prefix.size()) : node.name,
                                    .kind = node.kind,
                                    .box = box});
        }
      }
      ++drawing_.boxes[box].count;
      for (std::size_t i = 0; i < parts.size(); ++i) drawn_[parts[i]] = first + i;
    }
  }

  void fold_switches() {
    std::map<std::string, std::size_t> known;
    for (std::size_t n = 0; n < topology_.nodes().size(); ++n) {
      const Node& node = topology_.nodes()[n];
      if (node.host >= 0) continue;
      const auto [found, is_new] = known.try_emplace(make_of_name(node.name), drawing_.nodes.size());
      if (is_new) {
        drawing_.nodes.push_back({.name = node.name, .kind = node.kind, .box = kNoBox, .count = 0});
      } else {
        drawing_.nodes[found->second].name = found->first;
      }
      ++drawing_.nodes[found->second].count;
      drawn_[n] = found->second;
    }
  }

  /// Where links go that join machines drawn as one.
  std::size_t other_machines() {
    if (other_ == kNoBox) {
      other_ = drawing_.nodes.size();
      drawing_.nodes.push_back({.name = "other machines", .kind = NodeKind::network_switch, .box = kNoBox});
    }
    return other_;
  }

  void fold_links() {
    std::map<std::tuple<std::size_t, std::size_t, LinkKind, double>, std::size_t> known;
    for (std::size_t l = 0; l < topology_.links().size(); ++l) {
      const Link& link = topology_.links()[l];
      std::size_t from = drawn_[link.from.index()];
      std::size_t to = drawn_[link.to.index()];
      const int host_from = topology_.node(link.from).host;
      const int host_to = topology_.node(link.to).host;
      const bool leaves = host_from >= 0 && host_to >= 0 && host_from != host_to;
      if (leaves || from == to) to = other_machines();
      const bool turned = from > to;
      if (turned) std::swap(from, to);
      const auto [found, is_new] = known.try_emplace({from, to, link.kind, link.capacity.value}, drawing_.links.size());
      if (is_new) {
        drawing_.links.push_back(
            {.from = from, .to = to, .kind = link.kind, .capacity = link.capacity, .forward = {}, .backward = {}});
      }
      DrawnLink& drawn = drawing_.links[found->second];
      (turned ? drawn.backward : drawn.forward).emplace_back(l);
    }
  }

  const Topology& topology_;
  std::vector<std::size_t> drawn_;  ///< by node of the cluster
  std::size_t other_ = kNoBox;
  ClusterDrawing drawing_;
};

double rounded(double value) { return std::round(1e4 * value) * 1e-4; }

}  // namespace

ClusterDrawing draw_cluster(const Topology& topology) {
  ClusterDrawing drawing = Folding(topology).take();
  lay_out(drawing);
  return drawing;
}

std::vector<DrawnUse> use_of(const ClusterDrawing& drawing, const Topology& topology, const std::vector<double>& bytes,
                             Seconds step_time) {
  MOESIM_EXPECTS(bytes.empty() || bytes.size() == topology.links().size());
  std::vector<DrawnUse> all;
  for (const DrawnLink& link : drawing.links) {
    DrawnUse use;
    double sum = 0;
    const auto add = [&](const std::vector<LinkId>& ids, double& busiest) {
      for (const LinkId id : ids) {
        if (bytes.empty()) continue;
        const double one = Bytes{bytes[id.index()]} / link.capacity / step_time;
        busiest = std::max(busiest, one);
        sum += one;
      }
    };
    add(link.forward, use.forward_max);
    add(link.backward, use.backward_max);
    use.mean = sum / static_cast<double>(link.forward.size() + link.backward.size());
    all.push_back(use);
  }
  return all;
}

std::string to_json(const ClusterDrawing& drawing, const Topology& topology) {
  Json boxes = Json::array();
  for (const DrawnBox& box : drawing.boxes) boxes.push_back({{"name", box.name}, {"count", box.count}});
  Json nodes = Json::array();
  for (const DrawnNode& node : drawing.nodes) {
    nodes.push_back({{"name", node.name},
                     {"kind", node_kind_name(node.kind)},
                     {"box", node.box == kNoBox ? Json(nullptr) : Json(node.box)},
                     {"count", node.count},
                     {"x", rounded(node.x)},
                     {"y", node.y}});
  }
  Json links = Json::array();
  for (const DrawnLink& link : drawing.links) {
    const LinkId first = link.forward.empty() ? link.backward.front() : link.forward.front();
    links.push_back({{"from", link.from},
                     {"to", link.to},
                     {"kind", link_kind_name(link.kind)},
                     {"capacity_Bps", json_number(link.capacity.value)},
                     {"count", std::max(link.forward.size(), link.backward.size())},
                     {"name", topology.link(first).name}});
  }
  return json_text({{"boxes", std::move(boxes)}, {"nodes", std::move(nodes)}, {"links", std::move(links)}});
}

std::string to_json(const std::vector<DrawnUse>& use) {
  Json all = Json::array();
  for (const DrawnUse& one : use) {
    all.push_back({rounded(one.forward_max), rounded(one.backward_max), rounded(one.mean)});
  }
  return json_text(all);
}

}  // namespace moesim

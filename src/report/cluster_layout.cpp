#include "report/cluster_layout.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr double kBoxGap = 0.6;  // between machines of different make
constexpr int kSweeps = 12;      // more than there are rows: all have settled by then
constexpr int kMostRows = 8;     // of a machine

/// Row of a part in its machine, from the top. In a PCIe tree GPUs and NICs are its leaves, side by side; in a box of
/// NVLink or a hub, a NIC stands above its GPU.
int row_of(NodeKind kind, bool tree) {
  switch (kind) {
    case NodeKind::nic:
      return 1;
    case NodeKind::gpu:
      return tree ? 1 : 3;
    case NodeKind::pcie_switch:
    case NodeKind::hub:
      return 2;
    case NodeKind::nv_switch:
      return tree ? 0 : 4;
    case NodeKind::root_port:
      return tree ? 3 : 5;
    case NodeKind::socket:
      return tree ? 4 : 6;
    case NodeKind::host_memory:
      return tree ? 5 : 7;
    case NodeKind::network_switch:
      break;
  }
  return 0;
}

class Layout {
 public:
  explicit Layout(ClusterDrawing& drawing)
      : nodes_(drawing.nodes), boxes_(drawing.boxes.size()), neighbours_(nodes_.size()) {
    for (const DrawnLink& link : drawing.links) {
      neighbours_[link.from].push_back(link.to);
      neighbours_[link.to].push_back(link.from);
    }
  }

  void run() {
    const Rows network = network_rows();
    double left = 0;
    for (std::size_t box = 0; box < boxes_; ++box) left = place_box(box, static_cast<double>(network.size()), left);
    auto y = static_cast<double>(network.size());
    for (const auto& row : network) {  // the lowest first
      y -= 1;
      for (const std::size_t node : row.second) nodes_[node].y = y;
    }
    settle(network, static_cast<double>(network.size()) + kMostRows);
    const double leftmost = std::ranges::min(nodes_, {}, &DrawnNode::x).x;
    for (DrawnNode& node : nodes_) node.x -= leftmost;
  }

 private:
  using Rows = std::map<int, std::vector<std::size_t>>;

  /// Switches by their distance from the machines.
  [[nodiscard]] Rows network_rows() const {
    Rows rows;
    std::vector<bool> seen(nodes_.size());
    std::size_t left = 0;
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      seen[n] = nodes_[n].box != kNoBox;
      if (!seen[n]) ++left;
    }
    for (int row = 0; left > 0; ++row) {
      std::vector<std::size_t> next;
      for (std::size_t n = 0; n < nodes_.size(); ++n) {
        const auto below = [&](std::size_t other) { return static_cast<bool>(seen[other]); };
        if (!seen[n] && std::ranges::any_of(neighbours_[n], below)) next.push_back(n);
      }
      MOESIM_ENSURES(!next.empty());  // a cluster is connected
      for (const std::size_t n : next) seen[n] = true;
      left -= next.size();
      rows[row] = std::move(next);
    }
    return rows;
  }

  /// @return where the next machine begins
  double place_box(std::size_t box, double top, double left) {
    std::vector<std::size_t> inside;
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      if (nodes_[n].box == box) inside.push_back(n);
    }
    const bool tree = std::ranges::any_of(inside, [&](std::size_t n) { return nodes_[n].kind == NodeKind::socket; });
    const std::vector<std::size_t> order = walk(inside, tree);
    Rows rows;
    for (const std::size_t n : order) rows[row_of(nodes_[n].kind, tree)].push_back(n);
    double y = top;  // rows that are not there take no room
    for (const auto& row : rows) {
      for (const std::size_t n : row.second) nodes_[n].y = y;
      y += 1;
    }
    // GPUs (and the NICs beside them) stand evenly; everything else finds its place by them.
    const auto fixed = rows.find(row_of(NodeKind::gpu, tree));
    MOESIM_EXPECTS(fixed != rows.end());  // a machine without GPUs is none
    double x = left;
    for (const std::size_t n : fixed->second) nodes_[n].x = x++;
    const double level = nodes_[fixed->second.front()].y;
    rows.erase(fixed);
    settle(rows, level);
    double first = left;
    double last = left;
    for (const std::size_t n : inside) {
      first = std::min(first, nodes_[n].x);
      last = std::max(last, nodes_[n].x);
    }
    for (const std::size_t n : inside) nodes_[n].x += left - first;
    return last + left - first + 1 + kBoxGap;
  }

  /// Parts of a machine in the order of a walk along its links, so that what hangs together stands together.
  [[nodiscard]] std::vector<std::size_t> walk(const std::vector<std::size_t>& inside, bool tree) const {
    std::vector<std::size_t> order;
    std::vector<bool> seen(nodes_.size());
    const auto visit = [&](const auto& self, std::size_t n) -> void {
      if (seen[n]) return;
      seen[n] = true;
      order.push_back(n);
      for (const std::size_t next : neighbours_[n]) {
        // From socket to socket no walk goes: each has its own branch.
        const bool across = nodes_[n].kind == NodeKind::socket && nodes_[next].kind == NodeKind::socket;
        if (!across && nodes_[next].box == nodes_[n].box) self(self, next);
      }
    };
    if (tree) {
      for (const std::size_t n : inside) {
        if (nodes_[n].kind == NodeKind::socket) visit(visit, n);
      }
    }
    for (const std::size_t n : inside) {
      if (!tree && !seen[n]) order.push_back(n);
      if (tree) visit(visit, n);
    }
    return order;
  }

  /// Moves the parts of `rows` to the mean of their neighbours on the side of `level`, the row that stays, again and
  /// again, keeping them apart.
  void settle(const Rows& rows, double level) {
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (const auto& row : rows) {
        for (const std::size_t n : row.second) {
          const double away = std::abs(nodes_[n].y - level);
          double sum = 0;
          double count = 0;
          for (const std::size_t other : neighbours_[n]) {
            if (std::abs(nodes_[other].y - level) >= away) continue;
            sum += nodes_[other].x;
            ++count;
          }
          if (count > 0) nodes_[n].x = sum / count;
        }
        keep_apart(row.second);
      }
    }
  }

  /// Neighbours of a row that are closer than 1 move apart, both by as much.
  void keep_apart(std::vector<std::size_t> row) {
    std::ranges::stable_sort(row, {}, [&](std::size_t n) { return nodes_[n].x; });
    // Blocks of parts that touch, each centred on the mean of where its parts want to be.
    struct Block {
      double centre = 0;
      std::size_t size = 0;
      [[nodiscard]] double left() const { return centre - static_cast<double>(size) / 2; }
      [[nodiscard]] double right() const { return centre + static_cast<double>(size) / 2; }
    };
    std::vector<Block> blocks;
    for (const std::size_t n : row) {
      blocks.push_back({nodes_[n].x, 1});
      while (blocks.size() > 1 && blocks[blocks.size() - 2].right() > blocks.back().left()) {
        const Block last = blocks.back();
        blocks.pop_back();
        Block& one = blocks.back();
        const auto weight = static_cast<double>(one.size);
        const auto more = static_cast<double>(last.size);
        one.centre = (one.centre * weight + last.centre * more) / (weight + more);
        one.size += last.size;
      }
    }
    std::size_t next = 0;
    for (const Block& block : blocks) {
      for (std::size_t i = 0; i < block.size; ++i) {
        nodes_[row[next++]].x = block.left() + 0.5 + static_cast<double>(i);
      }
    }
  }

  std::vector<DrawnNode>& nodes_;
  std::size_t boxes_;
  std::vector<std::vector<std::size_t>> neighbours_;
};

}  // namespace

void lay_out(ClusterDrawing& drawing) { Layout(drawing).run(); }

}  // namespace moesim

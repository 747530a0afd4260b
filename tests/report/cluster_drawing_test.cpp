#include "moesim/report/cluster_drawing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"

namespace moesim {
namespace {

constexpr std::array kClusters = {"paper_4x8",          "h100_sxm_4x8", "h100_sxm_1x8", "reference_shared_nic",
                                  "reference_fat_tree", "b200_sxm_2x8", "a100_pcie_1x8"};

std::shared_ptr<const Topology> topology_of(const std::string& name, const std::vector<Override>& overrides = {}) {
  return load_cluster(std::string(MOESIM_SOURCE_DIR) + "/configs/clusters/" + name + ".yaml", overrides,
                      {{MOESIM_SOURCE_DIR}}, true)
      .topology;
}

// Nothing is lost by folding: every link of the cluster is in one drawn link of its capacity.
TEST(ClusterDrawing, EveryLinkIsDrawnOnce) {
  for (const char* name : kClusters) {
    const auto topology = topology_of(name);
    const ClusterDrawing drawing = draw_cluster(*topology);
    std::vector<int> drawn(topology->links().size(), 0);
    for (const DrawnLink& link : drawing.links) {
      for (const auto* direction : {&link.forward, &link.backward}) {
        for (const LinkId id : *direction) {
          ++drawn[id.index()];
          EXPECT_EQ(topology->link(id).capacity.value, link.capacity.value) << name;
        }
      }
    }
    EXPECT_THAT(drawn, ::testing::Each(1)) << name;
    std::size_t machines = 0;
    for (const DrawnBox& box : drawing.boxes) machines += box.count;
    EXPECT_EQ(machines, static_cast<std::size_t>(topology->hosts())) << name;
  }
}

// Parts of one row do not touch, wherever they stand; the network is above the machines.
TEST(ClusterDrawing, NoPartCoversAnother) {
  for (const char* name : kClusters) {
    const ClusterDrawing drawing = draw_cluster(*topology_of(name));
    for (std::size_t a = 0; a < drawing.nodes.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        const DrawnNode& one = drawing.nodes[a];
        const DrawnNode& other = drawing.nodes[b];
        if (one.y == other.y) {
          EXPECT_GE(std::abs(one.x - other.x), 1 - 1e-9) << name << " " << one.name << " " << other.name;
        }
        if (one.box == kNoBox && other.box != kNoBox) {
          EXPECT_LT(one.y, other.y) << name;
        }
      }
    }
  }
}

// Four machines of 8 GPUs that are built alike are one machine, whose GPUs and NICs are all drawn.
TEST(ClusterDrawing, MachinesBuiltAlikeAreDrawnOnce) {
  const ClusterDrawing drawing = draw_cluster(*topology_of("paper_4x8"));
  ASSERT_EQ(drawing.boxes.size(), 1U);
  EXPECT_EQ(drawing.boxes.front().count, 4U);
  EXPECT_EQ(std::ranges::count(drawing.nodes, NodeKind::gpu, &DrawnNode::kind), 8);
  EXPECT_EQ(std::ranges::count(drawing.nodes, NodeKind::nic, &DrawnNode::kind), 2);
  EXPECT_EQ(std::ranges::count(drawing.nodes, NodeKind::network_switch, &DrawnNode::kind), 1);
}

// 8 machines at 2 a leaf: four leaves are one drawn switch below the spine; its uplink stands for four cables.
TEST(ClusterDrawing, SwitchesOfOneMakeAreDrawnOnce) {
  const auto topology = topology_of("reference_fat_tree", {{"nodes=8"}, {"fabric.nodes_per_leaf=2"}});
  const ClusterDrawing drawing = draw_cluster(*topology);
  const auto leaf = std::ranges::find(drawing.nodes, "leaf*", &DrawnNode::name);
  const auto spine = std::ranges::find(drawing.nodes, "spine", &DrawnNode::name);
  ASSERT_NE(leaf, drawing.nodes.end());
  ASSERT_NE(spine, drawing.nodes.end());
  EXPECT_EQ(leaf->count, 4U);
  EXPECT_LT(spine->y, leaf->y);
  const auto uplink = std::ranges::find(drawing.links, LinkKind::fabric, &DrawnLink::kind);
  ASSERT_NE(uplink, drawing.links.end());
  EXPECT_EQ(uplink->forward.size(), 4U);
}

// One machine with a faster NIC is another make: it is drawn beside the others.
TEST(ClusterDrawing, AnotherMakeIsDrawnBeside) {
  std::vector<Node> nodes = {{.name = "switch", .kind = NodeKind::network_switch}};
  std::vector<Link> links;
  for (int host = 0; host < 3; ++host) {
    const std::string prefix = "host" + std::to_string(host);
    const NodeId gpu{nodes.size()};
    nodes.push_back({.name = prefix + "/gpu0", .kind = NodeKind::gpu, .host = host});
    const NodeId nic{nodes.size()};
    nodes.push_back({.name = prefix + "/nic0", .kind = NodeKind::nic, .host = host});
    const BytesPerSecond port{host == 2 ? 25e9 : 12.5e9};
    const auto connect = [&](NodeId a, NodeId b, LinkKind kind, BytesPerSecond capacity) {
      links.push_back({.from = a, .to = b, .kind = kind, .capacity = capacity, .latency = {}, .name = {}});
      links.push_back({.from = b, .to = a, .kind = kind, .capacity = capacity, .latency = {}, .name = {}});
    };
    connect(gpu, nic, LinkKind::pcie, {32e9});
    connect(nic, NodeId{0U}, LinkKind::nic, port);
  }
  const Topology topology = Topology::create(nodes, links);
  const ClusterDrawing drawing = draw_cluster(topology);
  ASSERT_EQ(drawing.boxes.size(), 2U);
  EXPECT_EQ(drawing.boxes[0].count, 2U);
  EXPECT_EQ(drawing.boxes[1].count, 1U);

  // A hot link of the second machine shows in the drawing of the first: 6.25 GB in 1 s over 12.5 GB/s.
  std::vector<double> bytes(topology.links().size(), 0);
  for (std::size_t l = 0; l < bytes.size(); ++l) {
    if (topology.links()[l].name == "host1/nic0->switch") bytes[l] = 6.25e9;
  }
  double busiest = 0;
  for (const DrawnUse& use : use_of(drawing, topology, bytes, Seconds{1})) {
    busiest = std::max({busiest, use.forward_max, use.backward_max});
  }
  EXPECT_NEAR(busiest, 0.5, 1e-12);
}

TEST(ClusterDrawing, IsJson) {
  const auto topology = topology_of("paper_4x8");
  const ClusterDrawing drawing = draw_cluster(*topology);
  const auto json = nlohmann::json::parse(to_json(drawing, *topology));
  EXPECT_EQ(json["nodes"].size(), drawing.nodes.size());
  EXPECT_EQ(json["links"][0]["capacity_Bps"], drawing.links[0].capacity.value);
  const auto use = nlohmann::json::parse(to_json(use_of(drawing, *topology, {}, Seconds{1})));
  EXPECT_EQ(use.size(), drawing.links.size());
}

}  // namespace
}  // namespace moesim

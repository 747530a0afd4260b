#pragma once

#include <memory>
#include <utility>

#include "moesim/cluster/topologies.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim::testing {

/// A small GPT of the paper's kind on hub boxes, without calibration: shapes and counts are what the tests look at.
inline Model small_gpt() {
  Model model;
  model.name = "small_gpt";
  model.layers = 4;
  model.hidden = 256;
  model.vocabulary = 1000;
  model.max_positions = 128;
  model.tied_embedding = true;
  model.biases = true;
  model.norm = NormKind::layer_norm;
  model.attention = GroupedQueryAttention{.heads = 4, .kv_heads = 4, .head_dim = 64};
  model.dense_ffn = {.hidden = 1024, .kind = FfnKind::plain};
  model.activation_dtype = DType::fp16;
  return model;
}

inline Model small_moe(MoeStructure structure) {
  Model model = small_gpt();
  MoeLayer layer;
  layer.experts = 16;
  layer.top_k = 4;
  model.moe = with_structure(layer, structure, model.hidden, 0.25);
  return model;
}

/// @param hosts machines of 8 GPUs, each GPU 25 GB/s to its hub, one NIC of 12.5 GB/s
inline Scenario example_scenario(Model model, int hosts, Parallelism parallelism) {
  ClusterConfig config;
  config.name = "hub";
  config.topology = "hub";
  config.box.pcie = {.bandwidth = {25e9}, .latency = {}};
  config.nic.port = {.bandwidth = {12.5e9}, .latency = {}};
  config.fabric.nodes = hosts;

  Scenario scenario;
  scenario.name = "example";
  scenario.model = std::move(model);
  const auto topology = std::make_shared<const Topology>(hub_box(config));
  scenario.cluster.name = "hub";
  scenario.cluster.topology = topology;
  scenario.cluster.collectives =
      std::make_shared<const CollectiveModel>(topology, TransportRules{}, Calibration{}, true);
  Device device;
  device.name = "test";
  device.multiprocessors = 100;
  device.compute_capability = 80;
  device.matrix_peaks = {{DType::fp16, {100e12}}, {DType::bf16, {100e12}}};
  device.vector_peak = {20e12};
  device.memory_bandwidth = {1e12};
  device.memory = {80e9};
  device.l2_cache = {40e6};
  scenario.kernels = std::make_shared<const KernelModel>(device, Calibration{});
  scenario.framework.name = "test";
  scenario.framework.gradient_bytes = {4};
  scenario.framework.optimizer_bytes = {12};
  scenario.framework.flash_attention = false;
  scenario.parallelism = parallelism;
  scenario.workload = TrainingWorkload{.sequence_length = 128, .global_batch = 16, .micro_batch = 2};
  return scenario;
}

}  // namespace moesim::testing

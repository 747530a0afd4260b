#pragma once

#include "moesim/report/prediction_report.hpp"

// Two made-up predictions of round numbers: what reports show of them can be checked by eye.
namespace moesim::testing {

inline Prediction fine_grained_prediction() {
  return {.scenario = "sample",
          .variant = "fine_grained",
          .mode = Mode::training,
          .step_time = {.time = {2.0}, .spread = 0.1},
          .tokens_per_s = 262144,
          .tflops_per_gpu = 42.5,
          .mfu = 0.284,
          .all_to_all_share = 0.9,
          .all_to_all = {1.8},
          .exposed_communication = {1.85},
          .breakdown = {{WorkKind::attention, {0.1}},
                        {WorkKind::dispatch, {0.9}},
                        {WorkKind::experts, {0.05}},
                        {WorkKind::combine, {0.9}},
                        {WorkKind::gradient_reduction, {0.05}}},
          .memory = {.terms = {{"weights", {2.0 * 1024 * 1024 * 1024}}, {"activations", {30.0 * 1024 * 1024 * 1024}}},
                     .total = {32.0 * 1024 * 1024 * 1024},
                     .capacity = {48.0 * 1024 * 1024 * 1024},
                     .fits = true,
                     .first_overflow = {}},
          .busiest_link = BusiestLink{.name = "host0/nic0->switch", .utilization = 0.75},
          .parameters = 3.73e9,
          .flops = {3490.67e12},
          .all_to_all_bytes = {1488.0 * 1024 * 1024 * 1024},
          .errors = {{"links.sample", {0.18}}, {"gemm.bf16", {0.02}}},
          .assumptions = {"one network card a machine", "routing is balanced"},
          .calibration = {"gemm.bf16: 100 samples, median error 4 %"}};
}

inline Prediction bigmac_prediction() {
  Prediction prediction = fine_grained_prediction();
  prediction.variant = "bigmac";
  prediction.step_time = {.time = {0.5}, .spread = 0.1};
  prediction.tokens_per_s = 1048576;
  prediction.tflops_per_gpu = 170;
  prediction.all_to_all_share = 0.6;
  prediction.all_to_all = {0.3};
  prediction.exposed_communication = {0.32};
  prediction.breakdown = {{WorkKind::attention, {0.1}}, {WorkKind::descend, {0.02}}, {WorkKind::dispatch, {0.15}},
                          {WorkKind::experts, {0.06}},  {WorkKind::combine, {0.15}}, {WorkKind::ascend, {0.02}}};
  prediction.memory.terms[1].bytes = {50.0 * 1024 * 1024 * 1024};
  prediction.memory.total = {52.0 * 1024 * 1024 * 1024};
  prediction.memory.fits = false;
  prediction.memory.first_overflow = "activations";
  prediction.all_to_all_bytes = {372.0 * 1024 * 1024 * 1024};
  prediction.errors = {{"links.sample", {0.04}}};
  prediction.assumptions = {"one network card a machine", "routing is balanced", "projections are not fused"};
  return prediction;
}

inline Setting sample_setting() {
  return {.model = "sample-moe",
          .cluster = "sample_4x8",
          .device = "a40",
          .framework = "megatron",
          .parallelism = {.ep = 32, .dp = 32, .zero = 1},
          .workload = TrainingWorkload{.sequence_length = 2048, .global_batch = 64, .micro_batch = 2}};
}

inline PredictionReport sample_comparison() {
  PredictionReport report;
  report.baseline = "fine_grained";
  report.cases.push_back(
      {.name = "fine_grained", .setting = sample_setting(), .prediction = fine_grained_prediction(), .speedup = {}});
  report.cases.push_back({.name = "bigmac",
                          .setting = sample_setting(),
                          .prediction = bigmac_prediction(),
                          .speedup = Speedup{.value = 4, .lo = 3.5, .hi = 4.5}});
  return report;
}

inline RunInfo sample_run() {
  return {.version = "1.2.3",
          .git_commit = "0123abc",
          .arguments = {"moesim", "compare", "sample.yaml"},
          .inputs = {{"sample.yaml", "00000000deadbeef"}}};
}

}  // namespace moesim::testing

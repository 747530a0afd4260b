#pragma once

#include <nlohmann/json.hpp>

#include "moesim/figure/figure.hpp"

// Small results as the commands write them, one for each figure.
namespace moesim::examples {

using nlohmann::json;

inline const RunInfo kRun{.version = "1.2.3", .git_commit = "abc", .engine = "analytic", .arguments = {}, .inputs = {}};

inline const ResultFile kCompare{.name = "compare.json", .json = R"({
  "baseline": "wide",
  "variants": [
    {"name": "wide", "scenario": "demo", "mode": "training", "step_time_s": 2.0, "interval_s": [1.5, 2.6], "speedup": 1,
     "breakdown": [{"name": "dispatch", "time_s": 0.7}, {"name": "combine", "time_s": 0.8},
                   {"name": "experts", "time_s": 0.4}, {"name": "launch", "time_s": 0.1}]},
    {"name": "narrow", "scenario": "demo", "mode": "training", "step_time_s": 1.0, "interval_s": [0.8, 1.25],
     "speedup": 2, "speedup_interval": [1.8, 2.2],
     "breakdown": [{"name": "dispatch", "time_s": 0.3}, {"name": "combine", "time_s": 0.2},
                   {"name": "descend", "time_s": 0.5}]}],
  "provenance": {"version": "1.2.2", "git_commit": "def", "arguments": ["/opt/bin/moesim", "compare", "demo.yaml", "--format", "json", "-o", "x"]}})"};

inline const ResultFile kValidate{.name = "validate.json", .json = R"({"cases": [
  {"case": "a", "part": "layer.forward", "measured_s": 0.001, "predicted_s": 0.0011, "lo_s": 0.0009, "hi_s": 0.0013, "error": 0.1},
  {"case": "b", "part": "layer.forward", "measured_s": 0.01, "predicted_s": 0.02, "lo_s": 0.015, "hi_s": 0.025, "error": 1.0}]})"};

inline const ResultFile kExplain{.name = "explain.json", .json = R"({"scenario": "demo", "variant": "", "resources": [
  {"name": "nic_bandwidth", "title": "NIC bandwidth", "independent": true, "elasticity": 0.75},
  {"name": "nic_count", "title": "NICs per machine", "independent": false, "elasticity": 0.8},
  {"name": "memory_bandwidth", "title": "GPU memory bandwidth", "independent": true, "elasticity": 0.25}]})"};

// A speed-up that falls from 4 to 0.25 while the bandwidth grows from 1 to 100 GB/s passes 1 on the way.
inline const ResultFile kOneAxis{
    .name = "sweep.csv",
    .table = ResultTable{.columns = {"cluster.nic.bandwidth_Bps", "wide.step_time_s", "narrow.step_time_s",
                                     "narrow.speedup", "narrow.speedup_interval_lo", "narrow.speedup_interval_hi"},
                         .rows = {{"1000000000", "4", "1", "4", "3.5", "4.5"},
                                  {"10000000000", "2", "1", "2", "1.8", "2.2"},
                                  {"100000000000", "1", "4", "0.25", "0.2", "0.3"}}}};

inline const ResultFile kTwoAxes{
    .name = "grid.csv",
    .table = ResultTable{.columns = {"model.moe.top_k", "parallelism.ep", "narrow.speedup"},
                         .rows = {{"1", "8", "0.8"}, {"1", "16", "1.5"}, {"8", "8", "2.5"}, {"8", "16", ""}}}};

// On 8 GPUs three layouts, of which the second needs more memory than the first and is slower; on 16 one.
inline const ResultFile kSearch{
    .name = "search.csv",
    .table = ResultTable{.columns = {"parallelism.tp", "parallelism.ep", "parallelism.ranks", "workload.recompute",
                                     "parallelism.zero", "framework.all_to_all", "step_time_s", "interval_s_lo",
                                     "interval_s_hi", "tokens_per_s", "mfu", "memory_per_gpu_B"},
                         .rows = {{"1", "1", "8", "none", "1", "-", "1", "0.8", "1.3", "100", "0.3", "4e10"},
                                  {"1", "8", "8", "full", "1", "flat", "2", "1.8", "2.3", "50", "0.2", "5e10"},
                                  {"8", "1", "8", "full", "1", "-", "4", "3.8", "4.3", "25", "0.1", "2e10"},
                                  {"2", "8", "16", "none", "1", "flat", "0.5", "0.4", "0.6", "200", "0.3", "3e10"}}}};

// Two laws; of the first, three samples, one of them outside its interval.
inline const ResultFile kResiduals{
    .name = "residuals.csv",
    .table = ResultTable{.columns = {"law", "shape", "region", "fold", "measured_s", "predicted_s", "in_interval"},
                         .rows = {{"gemm.bf16", "k=8 m=8 n=8", "launch", "0", "1e-6", "1.1e-6", "yes"},
                                  {"gemm.bf16", "k=16 m=8 n=8", "launch", "1", "2e-6", "1e-6", "no"},
                                  {"gemm.bf16", "k=999 m=8 n=8", "compute", "1", "1e-3", "1e-3", "yes"},
                                  {"memory.copy", "bytes=8", "launch", "0", "1e-6", "1e-6", "yes"}}}};

// A device of 100 TFLOPS and 1 TB/s: a product at half the peak, one at half the bandwidth, one kernel that only moves.
inline const ResultFile kPredict{.name = "predict.json", .json = R"({
  "scenario": "demo", "variant": "wide", "mode": "training", "step_time_s": 0.01,
  "breakdown": [{"name": "experts", "time_s": 0.01}],
  "roofs": {"device": "gpu", "memory_bandwidth_Bps": 1e12, "vector_FLOPS": 1e13,
            "matrix": [{"dtype": "bf16", "peak_FLOPS": 1e14}, {"dtype": "fp8", "peak_FLOPS": 2e14}]},
  "kernels": [
    {"name": "experts.up", "kind": "experts", "dtype": "bf16", "count": 10, "time_s": 4e-4, "flops": 2e10, "bytes": 1e8, "bound": "compute", "fitted": true},
    {"name": "router.logits", "kind": "router", "dtype": "bf16", "count": 10, "time_s": 2e-4, "flops": 1e9, "bytes": 1e8, "bound": "memory", "fitted": true},
    {"name": "attention_norm", "kind": "norms", "dtype": null, "count": 20, "time_s": 2e-4, "flops": 0, "bytes": 1e8, "bound": "memory", "fitted": true}],
  "expert_load": {"imbalance": 1.5, "dropped_fraction": 0.02, "routings": 3,
                  "ranks": [{"rank": 0, "rows": 300, "expert_rows": [200, 100]}, {"rank": 1, "rows": 100, "expert_rows": [60, 40]}]}})"};

// Two ranks that wait for each other in an exchange, and the link that it loads.
inline const ResultFile kTrace{.name = "trace.json", .json = R"json({"displayTimeUnit":"ms",
  "otherData":{"version":"1.2.2","git_commit":"def","engine":"flow",
               "arguments":["/opt/bin/moesim","predict","demo.yaml","--engine","flow","--trace","x.json"]},
  "traceEvents":[
  {"name":"process_name","ph":"M","pid":0,"args":{"name":"rank 0 (host0/gpu0)"}},
  {"name":"process_name","ph":"M","pid":1,"args":{"name":"rank 1 (host0/gpu1)"}},
  {"name":"thread_name","ph":"M","pid":0,"tid":0,"args":{"name":"compute"}},
  {"name":"thread_name","ph":"M","pid":0,"tid":1,"args":{"name":"expert communication"}},
  {"name":"thread_name","ph":"M","pid":1,"tid":0,"args":{"name":"compute"}},
  {"name":"attention.qkv","cat":"attention","ph":"X","pid":0,"tid":0,"ts":0,"dur":100,"args":{"layer":0,"micro_batch":0}},
  {"name":"attention.qkv","cat":"attention","ph":"X","pid":1,"tid":0,"ts":0,"dur":150,"args":{"layer":0,"micro_batch":0}},
  {"name":"dispatch","cat":"dispatch","ph":"X","pid":0,"tid":1,"ts":150,"dur":100,"args":{"layer":0,"micro_batch":0}},
  {"name":"dispatch","cat":"dispatch","ph":"X","pid":1,"tid":1,"ts":150,"dur":100,"args":{"layer":0,"micro_batch":0}},
  {"name":"dispatch to rank 1","cat":"flow","ph":"b","id":0,"pid":0,"tid":4,"ts":150,"args":{"bytes":1000}},
  {"name":"dispatch to rank 1","cat":"flow","ph":"e","id":0,"pid":0,"tid":4,"ts":250},
  {"name":"experts.up","cat":"experts","ph":"X","pid":0,"tid":0,"ts":250,"dur":150,"args":{"layer":0,"micro_batch":0}},
  {"name":"experts.up","cat":"experts","ph":"X","pid":1,"tid":0,"ts":250,"dur":50,"args":{"layer":0,"micro_batch":0}},
  {"name":"host0/nic0->switch","cat":"link","ph":"C","pid":2,"ts":0,"args":{"utilization":0}},
  {"name":"host0/nic0->switch","cat":"link","ph":"C","pid":2,"ts":150,"args":{"utilization":0.8}},
  {"name":"host0/nic0->switch","cat":"link","ph":"C","pid":2,"ts":250,"args":{"utilization":0}},
  {"name":"host0/nic1->switch","cat":"link","ph":"C","pid":2,"ts":200,"args":{"utilization":0.1}}]})json"};

inline json spec_of(const ResultFile& result, const FigureOptions& options = {}) {
  return json::parse(figure_spec({result}, options, kRun));
}

}  // namespace moesim::examples

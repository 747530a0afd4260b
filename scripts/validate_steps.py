#!/usr/bin/env python3
"""Predicts published whole training steps and writes the tables of docs/validation_steps.md.

    scripts/validate_steps.py build/release/bin/moesim FOLDER > docs/validation_steps.md

FOLDER holds the published tables (docs/validation_steps.md names their sources):
  dense_gpt_a100_one_node.csv, dense_gpt_a100_many_nodes.csv, grok1_h100_step_times.csv, megatron_moe_layer_8xh100.csv,
  published_moe_steps.csv; beside it deepep/h100_normal.csv
One constant is fitted, to the one-node table alone, and cross-validated there: the host's time per kernel.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST_TIMES = range(40, 111, 5)  # [us] candidates for the one constant that is fitted
FOLDS = 5


class Predictor:
    def __init__(self, moesim):
        self.moesim = moesim
        self.folder = tempfile.TemporaryDirectory()

    def __call__(self, scenario, *settings):
        path = Path(self.folder.name) / "step.yaml"
        path.write_text(json.dumps(scenario), encoding="utf-8")  # JSON is YAML
        command = [self.moesim, "predict", path, "--format", "json", "--config-root", ROOT]
        for setting in settings:
            command += ["--set", setting]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"{scenario}\n{run.stderr}")
        return json.loads(run.stdout)


def rows(folder, name):
    with open(Path(folder) / name, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def dense_gpt(row):
    """A dense GPT of vTrain's tables: layers are recomputed, since without that half of the runs would not fit into 80 GB."""
    heads, hidden = int(row["attention heads"]), int(row["hidden size"])
    gpus = int(row["GPUs"])
    return {
        "name": "dense_gpt", "mode": "training",
        "cluster": {"base": "a100_sxm_1x8", "nodes": max(1, gpus // 8), "nic": {"bandwidth": "100Gbps"}},
        "model": {"base": "gpt3_xl", "layers": int(row["layers"]), "hidden": hidden, "dtype": "bf16", "moe": None,
                  "attention": {"heads": heads, "kv_heads": heads, "head_dim": hidden // heads},
                  "dense_ffn": {"hidden": 4 * hidden}},
        "framework": "megatron_2022",
        "parallelism": {"ranks": gpus, "tp": int(row["tensor parallelism"]), "pp": int(row["pipeline parallelism"]),
                        "dp": int(row["data parallelism"])},
        "workload": {"sequence_length": int(row["sequence length"]), "global_batch": int(row["global batch"]),
                     "micro_batch": int(row["micro batch"]), "recompute": "full"}}


# Where no token is dropped, experts are loaded evenly up to chance at best: routers that are trained, or fed with random logits.
DROPLESS = {"sampling_noise": True, "seed": 1}


def grok(row):
    """Megatron Core sums the rows of a token by scatter_add_ from 0.10 on (moe_utils.py, unless --moe-permute-fusion)."""
    gpus, tp, pp, cp = (int(row[key]) for key in ("gpus", "tp", "pp", "cp"))
    return {
        "name": "grok1", "mode": "training",
        "cluster": {"base": "h100_sxm_4x8", "nodes": gpus // 8},
        "model": {"base": "grok1", "layers": int(row["layers"])},
        "framework": {"base": "megatron", "expert_execution": "grouped", "gradient_reduction_overlap": True, "atomic_unpermute": True},
        "routing": DROPLESS,
        "parallelism": {"tp": tp, "pp": pp, "cp": cp, "ep": int(row["ep"]), "etp": tp, "dp": gpus // (tp * pp * cp),
                        "zero": 1, "sequence_parallel": True,
                        "virtual_stages": 1 if row["vp"] == "NA" else int(row["vp"])},
        "workload": {"sequence_length": int(row["seqlen"]), "global_batch": int(row["gbs"]),
                     "micro_batch": int(row["mbs"])}}


# Megatron-LM, tests/functional_tests/test_cases/common/moe_perf: baseline.json of commit 32f2c9cf [ms]: forward, backward.
# Its configuration leaves TransformerConfig's defaults: plain experts, unfused activation, no gradient accumulation, and the
# width of a shared expert that its cases name never reaches the layer.
DEEPSEEK_PROXY = {"hidden": 7168, "experts": 32, "top_k": 8, "ffn_hidden": 2048}
MIXTRAL_PROXY = {"hidden": 4096, "experts": 8, "top_k": 2, "ffn_hidden": 14336}
MOE_LAYERS = [("DeepSeek-like, all-to-all", DEEPSEEK_PROXY, "flat", 6.943, 10.453),
              ("DeepSeek-like, DeepEP", DEEPSEEK_PROXY, "node_deduplicated", 5.425, 9.059),
              ("Mixtral-like, all-to-all", MIXTRAL_PROXY, "flat", 4.262, 7.825),
              ("Mixtral-like, DeepEP", MIXTRAL_PROXY, "node_deduplicated", 4.609, 8.030)]


def moe_layer(layers, proxy, all_to_all):
    """Layers on 8 H100 as in Megatron-LM's MoE test: one more layer costs one layer."""
    return {
        "name": "moe_layer", "mode": "training",
        "cluster": "h100_sxm_1x8",
        "model": {"name": "layer", "layers": layers, "hidden": proxy["hidden"], "vocabulary": 1024, "norm": "rms_norm",
                  "attention": {"heads": 8, "head_dim": 128, "kv_heads": 8},
                  "moe": {"structure": "fine_grained", "experts": proxy["experts"], "top_k": proxy["top_k"],
                          "ffn_hidden": proxy["ffn_hidden"], "expert_kind": "plain"}},
        "framework": {"base": "megatron", "expert_execution": "grouped", "all_to_all": all_to_all,
                      "fused_expert_activation": False, "fused_gradient_accumulation": False},
        "routing": DROPLESS,
        "parallelism": {"ep": 8, "dp": 8},
        "workload": {"sequence_length": 4096, "global_batch": 8, "micro_batch": 1}}


FP8 = {"product_dtype": "fp8"}
OVERLAP = {"expert_parallel_overlap": True}
DEEP_EP = {"all_to_all": "node_deduplicated"}
ZOO = {"tensor_overlap": False}
ENDS = {"first_stage_layers": 11, "last_stage_layers": 11}  # embedding and loss count as a layer each
NORM_ACT = {"recompute_modules": ["layernorm", "moe_act"]}

# Release; model; GPUs; tp, pp, ep, virtual stages, micro-batch, global batch; what else is said of the run; seconds a step
# (where tokens a second and GPU are published: global batch x 4096 / that / GPUs); and our reading where the table is silent.
MOE_MODELS = [
    ("NeMo 25.09, fp8", "qwen3_235b_a22b", 256, (2, 8, 32, 4, 1, 2048), FP8, ENDS, {}, 2048 * 4096 / 1204 / 256, "token drop"),
    ("NeMo 25.11, fp8", "qwen3_235b_a22b", 256, (2, 8, 32, 4, 1, 2048), FP8 | OVERLAP, ENDS, {}, 2048 * 4096 / 1575 / 256,
     "all-to-all overlapped"),
    ("NeMo 26.02, fp8", "qwen3_235b_a22b", 256, (2, 8, 32, 4, 1, 8192), FP8 | OVERLAP, ENDS, {}, 8192 * 4096 / 1633 / 256,
     "all-to-all overlapped"),
    ("NeMo 25.09, fp8", "qwen3_30b_a3b", 16, (1, 2, 8, 24, 2, 512), FP8, {}, {}, 512 * 4096 / 10494 / 16, "token drop"),
    ("NeMo 25.11, fp8", "qwen3_30b_a3b", 16, (1, 2, 8, 24, 2, 512), FP8, {}, {}, 512 * 4096 / 5275 / 16, "dropless"),
    ("NeMo 26.02, fp8", "qwen3_30b_a3b", 16, (1, 2, 8, 12, 1, 1024), FP8, {}, {}, 1024 * 4096 / 5113 / 16, "dropless"),
    ("NeMo 25.09, fp8", "deepseek_v3", 1024, (2, 8, 64, 4, 1, 8192), FP8 | DEEP_EP,
     {"first_stage_layers": 7, "last_stage_layers": 7}, {"recompute_modules": ["mla_up_proj", "mlp"]},
     8192 * 4096 / 1297 / 1024, "DeepEP, 62 layers for the MTP layer"),
    ("NeMo 25.11, bf16", "gpt_oss_120b", 64, (1, 4, 8, 1, 4, 512), {}, {}, NORM_ACT, 512 * 4096 / 5630 / 64, "all attention full"),
    ("NeMo 26.02, bf16", "gpt_oss_120b", 64, (1, 4, 8, 1, 1, 1280), {}, {}, NORM_ACT, 1280 * 4096 / 5993 / 64, "all attention full"),
    ("ModelZoo, bf16", "qwen3_235b_a22b", 256, (2, 8, 32, 4, 1, 2048), ZOO | DEEP_EP, ENDS, NORM_ACT, 19.7, "DeepEP"),
    ("ModelZoo, bf16", "qwen3_235b_a22b", 256, (2, 8, 32, 4, 1, 2048), ZOO | DEEP_EP | OVERLAP, ENDS, NORM_ACT,
     17.6, "DeepEP, all-to-all overlapped"),
    ("ModelZoo, bf16", "qwen3_235b_a22b", 256, (2, 32, 8, 3, 1, 2048), ZOO, {"first_stage_layers": 2, "last_stage_layers": 2},
     NORM_ACT, 24.2, "all-to-all"),
    ("ModelZoo, bf16", "qwen3_235b_a22b", 256, (4, 8, 8, 4, 1, 2048), ZOO | DEEP_EP, ENDS, {}, 29.0, "DeepEP"),
]


def moe_model(model, gpus, layout, framework, stages, workload, dropless):
    tp, pp, ep, virtual_stages, micro_batch, global_batch = layout
    return {
        "name": model, "mode": "training",
        "cluster": {"base": "h100_sxm_4x8", "nodes": gpus // 8},
        "model": {"base": model, "layers": 62} if model == "deepseek_v3" else model,
        "framework": {"base": "megatron_bridge"} | framework,
        "routing": DROPLESS if dropless else {},
        "parallelism": {"tp": tp, "pp": pp, "ep": ep, "dp": gpus // (tp * pp), "zero": 1, "sequence_parallel": tp > 1,
                        "virtual_stages": virtual_stages} | stages,
        "workload": {"sequence_length": 4096, "global_batch": global_batch, "micro_batch": micro_batch} | workload}


def print_moe_models(predict):
    errors = []
    print("| run | model, GPUs | TP, PP, EP, virtual stages, micro-batch, batch | said or read | measured | predicted | error |")
    print("|---|---|---|---|---|---|---|")
    for run, model, gpus, layout, framework, stages, workload, measured, said in MOE_MODELS:
        predicted = predict(moe_model(model, gpus, layout, framework, stages, workload, said != "token drop"))["step_time_s"]
        errors.append(relative(predicted, measured))
        print(f"| {run} | {model}, {gpus} | {', '.join(map(str, layout))} | {said} | {measured:.2f} s | {predicted:.2f} s "
              f"| {100 * errors[-1]:+.0f} % |")
    print(f"\nAll {len(errors)}: {summary(errors)}.")


def fsmoe_layer(hidden, ffn, kind, layers, mode):
    """FSMoE's layers, B = 4, L = 1024: tensor groups inside the machines, expert groups across them. Not said: the element type;
    fp32 on the vector units, PyTorch 1.12's default, is what its time of the experts allows."""
    return {
        "name": "fsmoe", "mode": mode,
        "cluster": {"base": "hiermoe_a6000_4x8", "nodes": 6,
                    "device": {"base": "a6000", "matrix_peaks": {"fp32": "38.7TFLOPS"}}},
        "model": {"name": "layer", "layers": layers, "hidden": hidden, "vocabulary": 1024, "norm": "layer_norm", "dtype": "fp32",
                  "attention": {"heads": 32, "head_dim": hidden // 32},
                  "moe": {"structure": "fine_grained", "experts": 6, "top_k": 2, "ffn_hidden": ffn, "expert_kind": kind}},
        "framework": "megatron",
        "parallelism": {"tp": 8, "ep": 6, "etp": 8, "dp": 6},
        "workload": {"sequence_length": 1024, "global_batch": 24, "micro_batch": 4} if mode == "training"
        else {"batch": 24, "prompt_tokens": 1024}}


FSMOE = [("GPT2-XL MoE", (1600, 6400, "plain"), "GPT2-XL MoE (one transformer layer)"),
         ("Mixtral-7B MoE", (4096, 14336, "gated"), "Mixtral-7B MoE (one transformer layer)")]
FSMOE_PARTS = [("all-to-alls", ("AlltoAll",), ("dispatch", "combine")),
               ("gathers and scatters of the machine", ("AllGather", "ReduceScatter"), ("tensor_parallel",)),
               ("experts", ("Experts",), ("experts",)), ("attention", ("Attention",), ("attention",))]


def print_fsmoe(predict, table):
    measured = {(row["model"], row["metric_name"]): float(row["metric_value"]) for row in table}
    print("| layer | pass | what | measured | predicted | error |")
    print("|---|---|---|---|---|---|")
    for name, shape, key in FSMOE:
        def times(mode):
            def of(layers):
                result = predict(fsmoe_layer(*shape, layers, mode))
                return {entry["name"]: entry["time_s"] for entry in result["breakdown"]}
            one, two = of(1), of(2)
            return {kind: (two[kind] - one.get(kind, 0)) * 1e3 for kind in two}
        forward, both = times("inference"), times("training")
        for direction in ("forward", "backward"):
            for what, theirs, ours in FSMOE_PARTS:
                published = sum(measured[key, f"{direction}_{part}"] for part in theirs)
                predicted = sum(forward[kind] if direction == "forward" else both[kind] - forward[kind] for kind in ours)
                print(f"| {name} | {direction} | {what} | {published:.1f} ms | {predicted:.1f} ms "
                      f"| {100 * relative(predicted, published):+.0f} % |")


# HierMoE, section V: half of DeepSeek-V3's dimensions and 6 layers; Qwen3-30B-A3B with 32 layers.
HIERMOE = [("DeepSeek-V3, half, 6 layers", {"base": "deepseek_v3", "layers": 6, "hidden": 3584, "leading_dense_layers": 0,
                                            "attention": {"heads": 64}, "dense_ffn": {"hidden": 9216}, "moe": {"ffn_hidden": 1024}}),
           ("Qwen3-30B-A3B, 32 layers", {"base": "qwen3_30b_a3b", "layers": 32})]


def print_hiermoe(predict, table):
    published = {row["metric_name"]: row["metric_value"] for row in table if row["source_url"] == "HierMoE"}
    print("| model | all-to-all alone, plain : deduplicated | whole step |")
    print("|---|---|---|")
    for name, model in HIERMOE:
        def run(all_to_all):
            return predict({"name": "hiermoe", "mode": "training", "cluster": "hiermoe_a6000_4x8", "model": model,
                            "framework": {"base": "megatron", "all_to_all": all_to_all}, "parallelism": {"ep": 32, "dp": 32},
                            "workload": {"sequence_length": 1024, "global_batch": 32, "micro_batch": 1}})
        plain, once = run("flat"), run("node_deduplicated")
        print(f"| {name} | {plain['all_to_all_s'] / once['all_to_all_s']:.2f}x | {plain['step_time_s'] / once['step_time_s']:.2f}x |")
    print(f"| measured, range of both | {published['A2A_speedup_over_Megatron_min']}-{published['A2A_speedup_over_Megatron_max']}x "
          f"| {published['e2e_speedup_over_Megatron_min']}-{published['e2e_speedup_over_Megatron_max']}x |")


def print_deepep(predict, table):
    """DeepEP's normal kernels alone: 256 experts of 7168, top-8, dispatch in fp8, combine in bf16."""
    def times(nodes, tokens):
        def of(layers):
            result = predict({
                "name": "deepep", "mode": "inference", "cluster": {"base": "h100_sxm_4x8", "nodes": nodes},
                "model": {"name": "layer", "layers": layers, "hidden": 7168, "vocabulary": 1024, "norm": "rms_norm",
                          "attention": {"heads": 8, "head_dim": 128},
                          "moe": {"structure": "fine_grained", "experts": 256, "top_k": 8, "ffn_hidden": 2048,
                                  "expert_kind": "gated", "dispatch_dtype": "fp8"}},
                "framework": {"base": "megatron", "all_to_all": "node_deduplicated", "kernel_launch": "0us"},
                "parallelism": {"ep": 8 * nodes, "dp": 8 * nodes},
                "workload": {"batch": 8 * nodes, "prompt_tokens": tokens}})
            return {entry["name"]: entry["time_s"] for entry in result["breakdown"]}
        one, two = of(1), of(2)
        return [(two[kind] - one[kind]) * 1e6 for kind in ("dispatch", "combine")]

    print("| machines | tokens per GPU | dispatch: measured, predicted | error | combine: measured, predicted | error |")
    print("|---|---|---|---|---|---|")
    for row in table:
        tokens = int(row["num_token"])
        if row["dispatch_sms"] != "20" or row["num_experts"] != "256" or tokens not in (128, 512, 2048, 4096, 8192, 16384):
            continue
        predicted = times(int(row["node_num"]), tokens)
        cells = [row["node_num"], str(tokens)]
        for kind, ours in zip(("dispatch", "combine"), predicted):
            theirs = float(row[f"{kind}_transmit_us"]) + float(row[f"{kind}_notify_us"])
            cells += [f"{theirs:.0f} us, {ours:.0f} us", f"{100 * relative(ours, theirs):+.0f} %"]
        print("| " + " | ".join(cells) + " |")


def summary(errors):
    return (f"mean |error| {100 * statistics.mean(map(abs, errors)):.1f} %, median {100 * statistics.median(map(abs, errors)):.1f} %, "
            f"worst {100 * max(errors, key=abs):+.0f} %, mean error {100 * statistics.mean(errors):+.1f} %")


def relative(predicted, measured):
    return predicted / measured - 1


def print_one_node(predict, table):
    errors = {}  # host time -> error by row
    inside = {}
    for host in HOST_TIMES:
        results = [predict(dense_gpt(row), f"framework.kernel_launch={host}us") for row in table]
        errors[host] = [relative(result["step_time_s"] * 1e3, float(row["iteration time (ms)"]))
                        for result, row in zip(results, table)]
        inside[host] = [result["interval_s"][0] * 1e3 <= float(row["iteration time (ms)"]) <= result["interval_s"][1] * 1e3
                        for result, row in zip(results, table)]

    def best(kept):
        return min(HOST_TIMES, key=lambda host: statistics.mean(abs(errors[host][i]) for i in kept))

    left_out, covered, chosen = [], [], set()
    for fold in range(FOLDS):
        kept = [i for i in range(len(table)) if i % FOLDS != fold]
        host = best(kept)
        chosen.add(host)
        left_out += [errors[host][i] for i in range(fold, len(table), FOLDS)]
        covered += [inside[host][i] for i in range(fold, len(table), FOLDS)]
    by_count = []
    for gpus in sorted({row["GPUs"] for row in table}, key=int):
        kept = [i for i, row in enumerate(table) if row["GPUs"] != gpus]
        host = best(kept)
        others = [errors[host][i] for i, row in enumerate(table) if row["GPUs"] == gpus]
        by_count.append(f"{gpus} GPUs: {host} us, {summary(others)}")
    print(f"- {FOLDS} folds of rows left out (fitted host time {', '.join(map(str, sorted(chosen)))} us): {summary(left_out)}; "
          f"{100 * statistics.mean(covered):.0f} % inside the 90 % interval (which knows nothing of the host).")
    for line in by_count:
        print(f"- left out, {line}.")
    everything = range(len(table))
    for tp in sorted({row["tensor parallelism"] for row in table}, key=int):
        of = [errors[best(everything)][i] for i in everything if table[i]["tensor parallelism"] == tp]
        print(f"- tensor parallel degree {tp}: {summary(of)}.")


def print_many_nodes(predict, table):
    errors = []
    print("| parameters, GPUs | TP, PP, DP, micro-batch | measured | predicted | error |")
    print("|---|---|---|---|---|")
    for row in table:
        result = predict(dense_gpt(row))
        measured = float(row["iteration time (ms)"])
        errors.append(relative(result["step_time_s"] * 1e3, measured))
        print(f"| {row['Parameters (billion)']} B, {row['GPUs']} | {row['tensor parallelism']}, {row['pipeline parallelism']}, "
              f"{row['data parallelism']}, {row['micro batch']} | {measured / 1e3:.2f} s | {result['step_time_s']:.2f} s "
              f"| {100 * errors[-1]:+.0f} % |")
    print(f"\nAll {len(errors)}: {summary(errors)}. Nothing is fitted to these.")


def print_grok(predict, table):
    errors = []
    print("| GPUs | layers | TP, PP, CP, EP, virtual stages | measured | predicted | interval | error |")
    print("|---|---|---|---|---|---|---|")
    for row in table:
        result = predict(grok(row))
        measured = float(row["step_time_s"])
        errors.append(relative(result["step_time_s"], measured))
        low, high = result["interval_s"]
        print(f"| {row['gpus']} | {row['layers']} | {row['tp']}, {row['pp']}, {row['cp']}, {row['ep']}, {row['vp']} "
              f"| {measured:.2f} s | {result['step_time_s']:.2f} s | {low:.1f}-{high:.1f} s | {100 * errors[-1]:+.1f} % |")
    print(f"\n{summary(errors)[0].upper() + summary(errors)[1:]}. Nothing is fitted to these.")


def layer_time(predict, proxy, all_to_all, forward_only):
    """Seconds of one MoE layer block: attention left out, as the measured test runs the MoE layer alone."""
    def step(layers):
        scenario = moe_layer(layers, proxy, all_to_all)
        if forward_only:
            scenario["mode"] = "inference"
            scenario["workload"] = {"batch": 8, "prompt_tokens": 4096}
        result = predict(scenario)
        moe = ("router", "descend", "permute", "dispatch", "experts", "combine", "ascend", "shared_experts")
        return sum(entry["time_s"] for entry in result["breakdown"] if entry["name"] in moe)
    return step(2) - step(1)


def print_layer(predict, table):
    row = next(r for r in table if r["case"].endswith("bf16"))
    first = ("DeepSeek-like, all-to-all, an earlier baseline", DEEPSEEK_PROXY, "flat",
             float(row["forward_ms"]), float(row["backward_ms"]))
    print("| layer | pass | measured | predicted | error |")
    print("|---|---|---|---|---|")
    for name, proxy, all_to_all, *measured in [first, *MOE_LAYERS]:
        forward = layer_time(predict, proxy, all_to_all, True) * 1e3
        backward = layer_time(predict, proxy, all_to_all, False) * 1e3 - forward
        for direction, ours, theirs in zip(("forward", "backward"), (forward, backward), measured):
            print(f"| {name} | {direction} | {theirs:.2f} ms | {ours:.2f} ms | {100 * relative(ours, theirs):+.0f} % |")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    predict, folder = Predictor(sys.argv[1]), sys.argv[2]
    print("# Validation: whole training steps\n")
    print("Made by `scripts/validate_steps.py`. What is taken for granted, what misses and why: [validation.md](validation.md).\n")
    print("## Grok-1 on H100, 8 to 256 GPUs\n\nNVIDIA dgxc-benchmarking (release 25.02, bf16), step times.\n")
    print_grok(predict, rows(folder, "grok1_h100_step_times.csv"))
    print("\n## One Megatron MoE layer on 8 H100\n\nMegatron-LM's own performance test (tests/functional_tests/test_cases/common/moe_perf), bf16, "
          "EP 8, 4096 tokens per GPU. Nothing is fitted to these.\n")
    print_layer(predict, rows(folder, "megatron_moe_layer_8xh100.csv"))
    print("\n## MoE models on 16 to 1024 H100\n\n"
          "Published by NVIDIA-NeMo/Megatron-Bridge (docs/performance-summary-archive.md; fp8 with current scaling) and "
          "yanring/Megatron-MoE-ModelZoo (best_practice/Qwen3; bf16). Framework megatron_bridge; nothing is fitted to these.\n")
    print_moe_models(predict)
    published = rows(folder, "published_moe_steps.csv")
    print("\n## DeepEP's dispatch and combine on 1 and 4 x 8 H100\n\nNVIDIA ai-dynamo/aiconfigurator, normal kernels on 20 multiprocessors. Nothing is "
          "fitted to these: links as NCCL reaches them, copies of a token counted.\n")
    print_deepep(predict, rows(Path(folder).parent / "deepep", "h100_normal.csv"))
    print("\n## One MoE layer on 6 x 8 A6000, by operation\n\nFSMoE (ASPLOS 2025), tables 2 and 3; links of HierMoE's machines, which are of "
          "the same kind. Nothing is fitted to these.\n")
    print_fsmoe(predict, published)
    print("\n## One copy of a token per machine and rank, on 4 x 8 A6000\n\nHierMoE against Megatron-LM (its sections V.C, V.D). Nothing is "
          "fitted to these.\n")
    print_hiermoe(predict, published)
    print("\n## Dense GPT on A100, one node\n\nvTrain (arXiv 2312.12391), 240 steps of 2, 4 and 8 GPUs. One constant is fitted, the host's "
          "time per kernel:\n")
    print_one_node(predict, rows(folder, "dense_gpt_a100_one_node.csv"))
    print("\n## Dense GPT on A100, 64 to 512 GPUs\n\nvTrain, the same framework file, one 100 Gb/s port per GPU taken for granted.\n")
    print_many_nodes(predict, rows(folder, "dense_gpt_a100_many_nodes.csv"))


if __name__ == "__main__":
    main()

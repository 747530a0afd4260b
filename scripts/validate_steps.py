#!/usr/bin/env python3
"""Predicts published whole training steps and writes the tables of docs/validation_steps.md.

    scripts/validate_steps.py build/release/bin/moesim FOLDER > docs/validation_steps.md

FOLDER holds the published tables (docs/validation_steps.md names their sources):
  dense_gpt_a100_one_node.csv, dense_gpt_a100_many_nodes.csv, grok1_h100_step_times.csv, megatron_moe_layer_8xh100.csv
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


def grok(row):
    gpus, tp, pp, cp = (int(row[key]) for key in ("gpus", "tp", "pp", "cp"))
    return {
        "name": "grok1", "mode": "training",
        "cluster": {"base": "h100_sxm_4x8", "nodes": gpus // 8},
        "model": {"base": "grok1", "layers": int(row["layers"])},
        "framework": {"base": "megatron", "expert_execution": "grouped", "gradient_reduction_overlap": True},
        "parallelism": {"tp": tp, "pp": pp, "cp": cp, "ep": int(row["ep"]), "etp": tp, "dp": gpus // (tp * pp * cp),
                        "zero": 1, "sequence_parallel": True,
                        "virtual_stages": 1 if row["vp"] == "NA" else int(row["vp"])},
        "workload": {"sequence_length": int(row["seqlen"]), "global_batch": int(row["gbs"]),
                     "micro_batch": int(row["mbs"])}}


def moe_layer(layers):
    """DeepSeek-V3-like layers on 8 H100 (Megatron-LM's MoE test): one more layer costs one layer."""
    return {
        "name": "moe_layer", "mode": "training",
        "cluster": "h100_sxm_1x8",
        "model": {"name": "layer", "layers": layers, "hidden": 7168, "vocabulary": 1024, "norm": "rms_norm",
                  "attention": {"heads": 128, "head_dim": 128, "kv_heads": 8},
                  "moe": {"structure": "fine_grained", "experts": 32, "top_k": 8, "ffn_hidden": 2048, "expert_kind": "gated",
                          "shared_experts": 1}},
        "framework": {"base": "megatron", "expert_execution": "grouped"},
        "parallelism": {"ep": 8, "dp": 8},
        "workload": {"sequence_length": 4096, "global_batch": 8, "micro_batch": 1}}


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


def layer_time(predict, forward_only):
    """Seconds of one MoE layer block: attention left out, as the measured test runs the MoE layer alone."""
    def step(layers):
        scenario = moe_layer(layers)
        if forward_only:
            scenario["mode"] = "inference"
            scenario["workload"] = {"batch": 8, "prompt_tokens": 4096}
        result = predict(scenario)
        moe = ("router", "descend", "permute", "dispatch", "experts", "combine", "ascend", "shared_experts")
        return sum(entry["time_s"] for entry in result["breakdown"] if entry["name"] in moe)
    return step(2) - step(1)


def print_layer(predict, table):
    forward = layer_time(predict, True) * 1e3
    backward = layer_time(predict, False) * 1e3 - forward
    print("| pass | measured | predicted | error |")
    print("|---|---|---|---|")
    row = next(r for r in table if r["case"].endswith("bf16"))
    for name, predicted in (("forward", forward), ("backward", backward)):
        measured = float(row[f"{name}_ms"])
        print(f"| {name} | {measured:.2f} ms | {predicted:.2f} ms | {100 * relative(predicted, measured):+.0f} % |")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    predict, folder = Predictor(sys.argv[1]), sys.argv[2]
    print("# Validation: whole training steps\n")
    print("Made by `scripts/validate_steps.py`. What is taken for granted, what misses and why: [validation.md](validation.md).\n")
    print("## Grok-1 on H100, 8 to 256 GPUs\n\nNVIDIA dgxc-benchmarking (release 25.02, bf16), step times.\n")
    print_grok(predict, rows(folder, "grok1_h100_step_times.csv"))
    print("\n## One Megatron MoE layer on 8 H100\n\nMegatron-LM, EP 8, 4096 tokens per GPU, 32 experts of 7168 x 2048, top-8, one shared expert.\n")
    print_layer(predict, rows(folder, "megatron_moe_layer_8xh100.csv"))
    print("\n## Dense GPT on A100, one node\n\nvTrain (arXiv 2312.12391), 240 steps of 2, 4 and 8 GPUs. One constant is fitted, the host's "
          "time per kernel:\n")
    print_one_node(predict, rows(folder, "dense_gpt_a100_one_node.csv"))
    print("\n## Dense GPT on A100, 64 to 512 GPUs\n\nvTrain, the same framework file, one 100 Gb/s port per GPU taken for granted.\n")
    print_many_nodes(predict, rows(folder, "dense_gpt_a100_many_nodes.csv"))


if __name__ == "__main__":
    main()

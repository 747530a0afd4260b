#!/usr/bin/env python3
"""Predicts what the BigMac paper measured and writes the tables of docs/validation_paper.md.

    scripts/validate_paper.py build/release/bin/moesim > docs/validation_paper.md

Measured values: BigMac, AAAI 2025, arXiv 2502.16927, Table 1, the (32, 1) breakdown and the ranges of its figures. Nothing is
fitted to them but, in columns of their own, what the paper does not say of its cluster: the number of ports (whole), and the
share of the line rate that they reach (from one row: training, K = 8).
"""

import itertools
import json
import subprocess
import sys

TRAINING, INFERENCE = "configs/scenarios/paper_training.yaml", "configs/scenarios/paper_inference.yaml"
# mode, K: all-to-all [ms] and its share of the step [%]
TABLE_1 = {("training", 1): (336.9, 59.9), ("training", 4): (1089.5, 84.1), ("training", 8): (2383.4, 91.8),
           ("inference", 1): (94.9, 51.2), ("inference", 4): (268.7, 79.2), ("inference", 8): (696.5, 90.6)}
BREAKDOWN = {4: (2.37, 3.48), 8: (2.95, 3.72)}  # K: end to end, all-to-all alone
RANGES = {4: (1.53, 2.41), 8: (2.45, 3.07)}     # K: over the four base models
PORTS = 2


def compare(moesim, scenario, *settings):
    command = [moesim, "compare", scenario, "--format", "json"]
    for setting in settings:
        command += ["--set", setting]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    fine, bigmac = json.loads(run.stdout)["variants"]
    return fine, bigmac


def all_to_all_ratio(fine, bigmac):
    return fine["all_to_all_s"] / bigmac["all_to_all_s"]


def error(predicted, measured):
    return f"{100 * (predicted / measured - 1):+.0f} %"


def infer_rate(moesim):
    """Line rate [Gb/s] of each port at which the twin's law gives the measured all-to-all of training with K = 8."""
    target, lo, hi = TABLE_1["training", 8][0] * 1e-3, 25.0, 800.0
    for _ in range(30):
        middle = (lo + hi) / 2
        fine, _ = compare(moesim, TRAINING, f"cluster.nic.bandwidth={middle}Gbps")
        lo, hi = (middle, hi) if fine["all_to_all_s"] > target else (lo, middle)
    return (lo + hi) / 2


def print_table_1(moesim, inferred):
    print("| mode, K | measured: all-to-all, other, share | predicted, two ports: all-to-all, other, share | error of all-to-all, other "
          "| with the inferred rate: all-to-all, other, share | error of all-to-all, other |")
    print("|---|---|---|---|---|---|")
    for (mode, k), (exchange, share) in TABLE_1.items():
        other = exchange * (100 / share - 1)
        scenario = TRAINING if mode == "training" else INFERENCE
        cells = [f"{mode}, {k}", f"{exchange:.1f} ms, {other:.0f} ms, {share:.1f} %"]
        for settings in ([], [inferred]):
            fine, _ = compare(moesim, scenario, f"model.moe.top_k={k}", *settings)
            t, rest = fine["all_to_all_s"] * 1e3, (fine["step_time_s"] - fine["all_to_all_s"]) * 1e3
            cells += [f"{t:.1f} ms, {rest:.0f} ms, {100 * fine['all_to_all_share']:.1f} %", f"{error(t, exchange)}, {error(rest, other)}"]
        print("| " + " | ".join(cells) + " |")


def print_breakdown(moesim, inferred):
    print("| K | what | measured | predicted, two ports | error | with the inferred rate | error |")
    print("|---|---|---|---|---|---|---|")
    for k, measured in BREAKDOWN.items():
        plain = compare(moesim, TRAINING, f"model.moe.top_k={k}")
        fitted = compare(moesim, TRAINING, f"model.moe.top_k={k}", inferred)
        for what, value, of in (("end to end", measured[0], lambda pair: pair[1]["speedup"]), ("all-to-all alone", measured[1], lambda pair: all_to_all_ratio(*pair))):
            print(f"| {k} | {what} | {value:.2f}x | {of(plain):.2f}x | {error(of(plain), value)} | {of(fitted):.2f}x | {error(of(fitted), value)} |")


def print_ranges(moesim, inferred):
    print("| base model | K = 4 | K = 8 | fits in 48 GB, K = 8 (fine-grained, BigMac) |")
    print("|---|---|---|---|")
    for model in ("gpt3_medium", "gpt3_xl", "gpt3_2p7b", "gpt3_6p7b"):
        runs = {k: compare(moesim, TRAINING, f"model.moe.top_k={k}", f"model.base={model}", inferred) for k in (4, 8)}
        fits = ", ".join("yes" if variant["fits"] else "no" for variant in runs[8])
        print(f"| {model} | {runs[4][1]['speedup']:.2f}x | {runs[8][1]['speedup']:.2f}x | {fits} |")
    print(f"| measured, range | {RANGES[4][0]}-{RANGES[4][1]}x | {RANGES[8][0]}-{RANGES[8][1]}x | |")


def print_unknowns(moesim):
    measured = TABLE_1["training", 8][0] * 1e-3
    print(f"| what the paper does not say | setting | step, fine-grained | its all-to-all (measured: {measured:.2f} s) | all-to-all ratio | speed-up (K = 8) |")
    print("|---|---|---|---|---|---|")
    rows = [("as shipped: two ports, peer to peer within a socket", []),
            ("one port", ["cluster.nic.count=1"]), ("four ports", ["cluster.nic.count=4"]),
            ("all staged through host memory", ["cluster.transport.p2p_level=loc", "cluster.transport.gdr_level=loc"]),
            ("peer to peer only under one switch", ["cluster.transport.p2p_level=pxb"]),
            ("peer to peer between sockets too", ["cluster.transport.p2p_level=sys"]),
            ("ports on both sockets", ["cluster.nic.placement=spread"]),
            ("full recompute (its all-to-alls run again)", ["workload.recompute=full"]),
            ("micro-batches of one sequence", ["workload.micro_batch=1"]),
            ("padded to the capacity factor 1.2", ["framework.pad_to_capacity=true"]),
            ("gradients in fp32", ["framework.gradient_dtype=fp32", "framework.gradient_bytes=4B", "framework.optimizer_bytes=12B"]),
            ("base model GPT3-XL", ["model.base=gpt3_xl"]),
            ("skewed routing, Zipf 0.5", ["routing.distribution=zipf", "routing.exponent=0.5"])]
    for name, settings in rows:
        fine, bigmac = compare(moesim, TRAINING, *settings)
        shown = ", ".join(f"`{setting}`" for setting in settings)
        print(f"| {name} | {shown} | {fine['step_time_s']:.2f} s | {fine['all_to_all_s']:.2f} s | {all_to_all_ratio(fine, bigmac):.2f}x "
              f"| {bigmac['speedup']:.2f}x |")


# Framework, scenario, published speed-up, and what is not said: all combinations are run.
PORT_AXIS = ("cluster.nic.count", (1, 2, 4))
HEADLINES = [("Megatron, training, up to", TRAINING, 3.07,
              [PORT_AXIS, ("workload.micro_batch", (1, 2)), ("framework.gradient_dtype", ("fp16", "fp32")),
               ("model.base", ("gpt3_medium", "gpt3_xl"))]),
             ("Tutel, training, up to", "configs/scenarios/paper_tutel.yaml", 3.09,
              [PORT_AXIS, ("workload.micro_batch", (1, 2)), ("framework.gradient_dtype", ("fp16", "fp32")),
               ("framework.pad_to_capacity", ("true", "false"))]),
             ("DeepSpeed-Inference, 1 generated token", "configs/scenarios/paper_deepspeed.yaml", 3.11,
              [PORT_AXIS, ("workload.batch", (32, 128, 512)), ("framework.pad_to_capacity", ("true", "false"))])]


def print_headlines(moesim):
    print("| what | measured | band | as shipped | nearest setting | its speed-up; all-to-all of fine-grained, BigMac |")
    print("|---|---|---|---|---|---|")
    for name, scenario, measured, axes in HEADLINES:
        runs = []
        for values in itertools.product(*(values for _, values in axes)):
            settings = [f"{key}={value}" for (key, _), value in zip(axes, values)]
            fine, bigmac = compare(moesim, scenario, *settings)
            runs.append((bigmac["speedup"], settings, fine, bigmac))
        shipped = compare(moesim, scenario)[1]["speedup"]
        speedups = [run[0] for run in runs]
        nearest, settings, fine, bigmac = min(runs, key=lambda run: abs(run[0] - measured))
        shown = ", ".join(f"`{setting}`" for setting in settings)
        print(f"| {name} | {measured:.2f}x | {min(speedups):.2f}-{max(speedups):.2f}x ({len(runs)} settings) | {shipped:.2f}x | {shown} "
              f"| {nearest:.2f}x; {100 * fine['all_to_all_share']:.0f} %, {100 * bigmac['all_to_all_share']:.0f} % |")
    print("""
Why about three: a fine-grained step is nine tenths all-to-all, and BigMac's all-to-all is a quarter as wide. It is not a quarter as
long, because every exchange starts up and sends as many messages as before, and the tenth of the step that is left does not shrink.
With s the share of the all-to-all and R the ratio of both all-to-alls the speed-up is about 1 / (1 - s + s / R): 0.9 and 3.7 give 2.9.
A slower network (one port) moves s and R up and the speed-up towards four; a faster one (four ports), larger base models and longer
generation move s down. The three frameworks come out alike because the same bytes cross the same ports in all of them.""")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    moesim = sys.argv[1]
    rate = infer_rate(moesim)
    inferred = f"cluster.nic.bandwidth={rate:.2f}Gbps"
    print("# Validation: the BigMac paper\n\nMade by `scripts/validate_paper.py`. Measured values: arXiv 2502.16927.\n")
    print(f"Inferred from one row (training, K = 8): {PORTS} ports of 100 Gb/s per machine, and that they carry {rate:.0f} % of what the law of the "
          "nearest measured twin (HierMoE, 4 x 8 RTX A6000, one 200 Gb/s port) gives ports of that line rate. The row tells what "
          f"they carry together, not how many they are: {2 * PORTS} ports at {rate / 2:.0f} % of that law give the same all-to-alls. "
          "Everything else in the columns \"with the inferred rate\" is prediction; the columns \"two ports\" infer the number of ports alone.\n")
    print("## Table 1: all-to-all time and share, fine-grained, 32 GPUs\n")
    print_table_1(moesim, inferred)
    print("\n## The (ep, tp) = (32, 1) breakdown: fine-grained over BigMac\n")
    print_breakdown(moesim, inferred)
    print("\n## Speed-up over the four base models (inferred rate)\n")
    print_ranges(moesim, inferred)
    print("\n## The band: one unknown changed at a time, nothing inferred but the ports\n")
    print_unknowns(moesim)
    print("\n## The headlines: all combinations of what the paper does not say, nothing inferred\n")
    print_headlines(moesim)


if __name__ == "__main__":
    main()

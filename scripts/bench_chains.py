#!/usr/bin/env python3
"""Measures chains of unlike kernels against the sum of their parts, each timed among its like: what a kernel costs more behind
another than behind itself. Writes samples for `moesim calibrate`.

    scripts/bench_chains.py -o calibration/samples/h100_sxm_chains.csv --device h100_sxm --seconds 60

Method: as scripts/bench_torch.py; parts and chains take the same operands, which no cache holds, and are timed within a second of
each other, so clocks are the same.
"""

import argparse
import csv
import datetime
import math
import random
import sys
import time

import torch
import torch.nn.functional as F

import torch_kernels
from bench_torch import Bench, gemm_launch, log_uniform
from torch_timing import Clock, gpu_line, median_replay

COLUMNS = ["device", "kernels", "rows", "width", "count", "parts_us", "time_us", "noise", "sm_clock_mhz"]
LENGTHS = [3, 6, 12, 24]
LAUNCHES = 48  # in a graph, at least


class Kernel:
    """One kernel with as many sets of operands as no cache holds."""

    def __init__(self, name, footprint, make, l2):
        self.name = name
        self.launches = [make() for _ in range(max(2, min(32, math.ceil(2 * l2 / footprint))))]
        rounds = math.ceil(LAUNCHES / len(self.launches))
        self.alone = median_replay(Bench.capture(self.launches * rounds), rounds * len(self.launches), 0.1)[0]


def pool(rows, width, l2):
    """Kernels of a layer of `width` on `rows` tokens."""
    dtype, size = torch.bfloat16, 2 * rows * width
    def tensor(*shape):
        return torch.randn(*shape, device="cuda", dtype=dtype)
    weight = tensor(width)
    top_k, experts, expert_width = 4, 16, width // 2
    chosen = torch.rand(rows, experts, device="cuda").topk(top_k).indices
    _, order = torch.sort(chosen.flatten(), stable=True)
    tokens, inverse = order // top_k, torch.argsort(order)
    offsets = torch.cumsum(torch.bincount(chosen.flatten(), minlength=experts), 0).to(torch.int32)
    weights = torch.rand(rows, top_k, device="cuda")

    def unary(function):
        def make():
            x = tensor(rows, width)
            return lambda: function(x)
        return make
    def add():
        x, y = tensor(rows, width), tensor(rows, width)
        return lambda: torch.add(x, y, out=y)
    def permute():
        x = tensor(rows, width)
        return lambda: torch.index_select(x, 0, tokens)
    def unpermute():
        x = tensor(rows * top_k, width)
        return lambda: torch_kernels.gather_sum(x, weights, inverse, top_k)
    def grouped():
        x, w = tensor(rows * top_k, width), tensor(experts, expert_width, width)
        return lambda: torch_kernels.grouped_mm(x, w.transpose(-2, -1), offs=offsets)
    def attention():
        q, k, v = (tensor(1, width // 128, rows, 128) for _ in range(3))
        return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    def gemm(n, k):
        return lambda: gemm_launch("bf16", "TN", rows, n, k)[0]
    kernels = {
        "norm": (2 * size, unary(lambda x: F.rms_norm(x, (width,), weight))),
        "gelu": (2 * size, unary(F.gelu)),
        "cast": (3 * size, unary(lambda x: x.float())),
        "add": (3 * size, add),
        "permute": ((top_k + 1) * size, permute),
        "unpermute": ((top_k + 1) * size, unpermute),
        "grouped": (top_k * size + 2 * experts * expert_width * width, grouped),
        "square": (2 * size + 2 * width * width, gemm(width, width)),
        "wide": (4 * size + 6 * width * width, gemm(3 * width, width)),
        "narrow": (2 * size + width * width // 2, gemm(width // 4, width)),
    }
    if rows <= 4096:
        kernels["attention"] = 4 * size, attention
    return [Kernel(name, footprint, make, l2) for name, (footprint, make) in kernels.items()]


def chain_us(chain):
    """Median time of the chain [us], and noise."""
    rounds = math.ceil(LAUNCHES / len(chain))
    launches = [kernel.launches[i % len(kernel.launches)] for i in range(rounds) for kernel in chain]
    return median_replay(Bench.capture(launches), rounds, 0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="samples, CSV; written anew")
    parser.add_argument("--device", required=True, help="name of the device in configs/devices")
    parser.add_argument("--seconds", type=float, default=60, help="time for all samples")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench_chains: no CUDA device (this measures GPUs): run it on the machine to be calibrated", file=sys.stderr)
        return 1
    rng, clock, l2 = random.Random(args.seed), Clock(), torch.cuda.get_device_properties(0).L2_cache_size
    torch.manual_seed(args.seed)
    deadline = time.monotonic() + args.seconds
    with open(args.output, "w", newline="") as file, torch.no_grad():
        file.write(f"# {gpu_line()}\n"
                   f"# date: {datetime.date.today()}; command: scripts/bench_chains.py --device {args.device} --seed {args.seed}\n")
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        while time.monotonic() < deadline:
            rows, width = log_uniform(rng, 64, 16384), rng.choice([512, 1024, 2048, 4096])
            kernels = pool(rows, width, l2)
            for length in LENGTHS:
                chain = [rng.choice(kernels)]
                while len(chain) < length:
                    following = rng.choice(kernels)
                    if following is not chain[-1]:
                        chain.append(following)
                if chain[0] is chain[-1]:  # the chain follows itself
                    chain[-1] = next(k for k in kernels if k is not chain[0] and k is not chain[-2])
                microseconds, noise = chain_us(chain)
                mhz, throttled = clock.read()
                if throttled:
                    continue
                writer.writerow({"device": args.device, "kernels": " ".join(k.name for k in chain), "rows": rows, "width": width,
                                 "count": length, "parts_us": f"{sum(k.alone for k in chain):.3f}", "time_us": f"{microseconds:.3f}",
                                 "noise": f"{noise:.4f}", "sm_clock_mhz": mhz or ""})
            file.flush()
            del kernels
            torch.cuda.empty_cache()
    return 0


if __name__ == "__main__":
    sys.exit(main())

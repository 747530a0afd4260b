#!/usr/bin/env python3
"""Measures how much a kernel and an NCCL collective of several GPUs slow each other down.

    torchrun --nproc-per-node 2 scripts/overlap_collectives.py -o calibration/samples/h100_sxm_overlap_nccl.csv --device h100_sxm

Both run as CUDA graphs on streams of their own: some kernels while collectives go on before and after them, and the reverse. A
sample counts only if what stands beside lasted longer than what is timed. Median over repetitions, slowest rank.
"""

import argparse
import csv
import datetime
import math
import os
import statistics
import sys

import torch
import torch.distributed as dist
import torch.nn.functional as F

from torch_timing import Clock, gpu_line

# As moesim-bench overlap: large, an expert's, a narrow one's, a short one: bound by compute, by few tiles, by memory; and some between.
PRODUCTS = [(8192, 8192, 8192), (8192, 2048, 2048), (4096, 1408, 2048), (4096, 512, 2048), (16384, 512, 512), (128, 8192, 8192),
            (16384, 4096, 2048), (8192, 4096, 4096), (2048, 2048, 2048), (2048, 7168, 2048)]
# Kernels that move bytes, by rows and width; attention by sequences of 2048 tokens and heads of 128.
OTHERS = [("residual_add", 2048, 2048), ("residual_add", 16384, 2048), ("residual_add", 65536, 4096), ("norm", 16384, 2048),
          ("activation", 32768, 2816), ("permute", 8192, 2048), ("attention", 1, 16), ("attention", 8, 16)]
BYTES = [8 << 20, 64 << 20, 256 << 20]  # per rank
COLLECTIVES = ["all_to_all", "all_reduce", "all_gather"]
COLUMNS = ["device", "collective", "ranks", "bytes_per_rank", "kernel", "dtype", "m", "n", "k", "kernel_alone_us", "kernel_beside_us", "collective_alone_us",
           "collective_beside_us", "sm_clock_mhz"]
TIMED = 2e-3  # [s] of what is timed, alone
REPETITIONS = 7


def collective_launch(kind, size):
    send = torch.randn(size // 2, device="cuda", dtype=torch.bfloat16)
    receive = torch.empty_like(send)
    if kind == "all_to_all":
        return lambda: dist.all_to_all_single(receive, send)
    if kind == "all_reduce":
        return lambda: dist.all_reduce(receive)
    part = send[: send.numel() // dist.get_world_size()]
    return lambda: dist.all_gather_into_tensor(receive, part)


def product_launch(m, n, k):
    a, b = torch.randn(m, k, device="cuda", dtype=torch.bfloat16), torch.randn(n, k, device="cuda", dtype=torch.bfloat16)
    c = torch.empty(m, n, device="cuda", dtype=torch.bfloat16)
    return lambda: torch.mm(a, b.t(), out=c)


def other_launch(kernel, m, n):
    def tensor(*shape):
        return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)
    if kernel == "attention":
        q, k, v = (tensor(m, n, 2048, 128) for _ in range(3))
        return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    x, y = tensor(m, n), tensor(m, n)
    if kernel == "residual_add":
        return lambda: torch.add(x, y, out=y)
    if kernel == "norm":
        return lambda: F.rms_norm(x, (n,))
    if kernel == "activation":
        return lambda: F.gelu(x)
    tokens = torch.randperm(8 * m, device="cuda") // 8
    return lambda: torch.index_select(x, 0, tokens)


class Repeated:
    """A graph of `count` launches on a stream of its own, about TIMED long when alone."""

    def __init__(self, launch):
        self.stream, self.launch = torch.cuda.Stream(), launch  # the operands must live as long as the graph
        with torch.cuda.stream(self.stream):
            for _ in range(3):
                launch()
        torch.cuda.synchronize()
        self.count, self.graph = 10, None
        for _ in range(2):  # how many it takes, from a first graph
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, stream=self.stream, capture_error_mode="thread_local"):
                for _ in range(self.count):
                    launch()
            self.alone = self.time()
            last, self.count = self.count, max(1, math.ceil(TIMED / self.alone))
        self.count = last

    def replay(self, times=1):
        with torch.cuda.stream(self.stream):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            for _ in range(times):
                self.graph.replay()
            end.record()
        return begin, end

    def time(self):
        """Seconds of one launch, alone."""
        times = []
        for _ in range(REPETITIONS):
            dist.barrier()
            torch.cuda.synchronize()
            begin, end = self.replay()
            end.synchronize()
            times.append(begin.elapsed_time(end) * 1e-3 / self.count)
        return slowest(statistics.median(times))


def slowest(value):
    largest = torch.tensor([value], device="cuda", dtype=torch.float64)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return largest.item()


def time_beside(timed, other):
    """Seconds of one launch of `timed` while `other` goes on all the time; None if that could not be had."""
    times, replays = [], math.ceil(4 * timed.alone * timed.count / (other.alone * other.count)) + 1
    for _ in range(REPETITIONS):
        dist.barrier()
        torch.cuda.synchronize()
        around, until = other.replay(replays)
        with torch.cuda.stream(timed.stream):
            timed.stream.wait_event(around)
            torch.cuda._sleep(200_000)  # 0.1 ms: the other is under way
        begin, end = timed.replay()
        torch.cuda.synchronize()
        covered = end.elapsed_time(until) > 0 and around.elapsed_time(begin) > 0
        times.append(begin.elapsed_time(end) * 1e-3 / timed.count if covered else math.inf)
    typical = slowest(statistics.median(times))
    return typical if math.isfinite(typical) else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="samples, CSV; written anew")
    parser.add_argument("--device", required=True, help="name of the device in configs/devices")
    args = parser.parse_args()
    if torch.cuda.device_count() < 2:
        print("overlap_collectives: fewer than two CUDA devices (this measures collectives): start it with torchrun", file=sys.stderr)
        return 1
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl", device_id=torch.device("cuda", torch.cuda.current_device()))
    rank = dist.get_rank()

    clock = Clock()
    file = open(args.output, "w", newline="") if rank == 0 else None
    if file:
        file.write(f"# {gpu_line()}\n"
                   f"# date: {datetime.date.today()}; command: scripts/overlap_collectives.py --device {args.device}\n")
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
    works = {("gemm", m, n, k): product_launch(m, n, k) for m, n, k in PRODUCTS}
    works |= {(kernel, m, n, ""): other_launch(kernel, m, n) for kernel, m, n in OTHERS}
    with torch.no_grad():
        works = {shape: Repeated(launch) for shape, launch in works.items()}
    for kind in COLLECTIVES:
        for size in BYTES:
            collective = Repeated(collective_launch(kind, size))
            for (kernel, m, n, k), work in works.items():
                work.alone = work.time()  # clocks drift
                beside, exchange = time_beside(work, collective), time_beside(collective, work)
                mhz, throttled = clock.read()
                if slowest(float(throttled)) or beside is None or exchange is None:
                    print(f"dropped: {kind} {size} beside {kernel} {m} x {n} x {k}", file=sys.stderr)
                    continue
                if file:
                    writer.writerow({"device": args.device, "collective": kind, "ranks": dist.get_world_size(), "bytes_per_rank": size,
                                     "kernel": kernel, "dtype": "bf16", "m": m, "n": n, "k": k, "kernel_alone_us": f"{1e6 * work.alone:.3f}",
                                     "kernel_beside_us": f"{1e6 * beside:.3f}", "collective_alone_us": f"{1e6 * collective.alone:.3f}",
                                     "collective_beside_us": f"{1e6 * exchange:.3f}", "sm_clock_mhz": mhz or ""})
                    file.flush()
    dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())

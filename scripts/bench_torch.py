#!/usr/bin/env python3
"""Measures the kernels that PyTorch runs in a mixture-of-experts layer and writes samples for `moesim calibrate`.

    scripts/bench_torch.py -o calibration/samples/h200_sxm_torch.csv --device h200_sxm --seconds 240

Method: random data; each kernel is captured in a CUDA graph together with as many copies of its operands as it takes to exceed
twice the L2 cache, so that no launch finds its operands there (--warm: activations it does); the graph is replayed until the
spread of the mean is below 1 % or the time for one sample is over; the median replay counts. Samples during which the clock was throttled are dropped.
Results are checked against float32 before they are timed. An interrupted run keeps what it has: a second one goes on.
"""

import argparse
import csv
import datetime
import math
import os
import random
import sys
import time

import torch
import torch.nn.functional as F

import torch_kernels
from torch_timing import Clock, check, gpu_line, median_replay

COLUMNS = ["device", "kernel", "dtype", "m", "n", "k", "experts", "rows", "layout", "sequences", "query_tokens", "context_tokens",
           "heads", "kv_heads", "head_dim", "causal", "backward", "bytes", "cold", "time_us", "noise", "sm_clock_mhz"]
SHAPE = COLUMNS[1:-3]
WIDTHS = [128, 256, 512, 1024, 2048, 4096, 7168]  # of rows that memory-bound kernels pass over; BigMac's payload is a narrow one
FEWEST_LAUNCHES = 16  # in a graph of short kernels: its own start and end take 2 to 4 us
SHORT_GRAPH = 1e3     # [us]


class Bench:
    def __init__(self, args):
        self.args = args
        self.clock = Clock()
        self.l2 = torch.cuda.get_device_properties(0).L2_cache_size
        self.deadline = time.monotonic() + args.seconds
        self.done = set()
        self.dropped = 0
        new = not os.path.exists(args.output)
        if not new:
            with open(args.output, newline="") as old:
                for row in csv.DictReader(line for line in old if not line.startswith("#")):
                    self.done.add(tuple(row.get(c, "") for c in SHAPE))
        self.file = open(args.output, "a", newline="")
        if new:
            self.file.write(f"# {gpu_line()}\n"
                            f"# date: {datetime.date.today()}; command: scripts/bench_torch.py --device {args.device} --seed {args.seed}\n")
            self.file.write(",".join(COLUMNS) + "\n")
        self.writer = csv.DictWriter(self.file, COLUMNS, restval="", lineterminator="\n")

    def time_us(self, launches):
        """Median time of one launch and its noise; `launches` are closures over different operands."""
        replay = self.capture(launches)
        if len(launches) < FEWEST_LAUNCHES and median_replay(replay, 1, 0, 0)[0] < SHORT_GRAPH:
            launches = launches * math.ceil(FEWEST_LAUNCHES / len(launches))
            replay = self.capture(launches)
        return median_replay(replay, len(launches), 0.3)

    @staticmethod
    def capture(launches):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for launch in launches[:3]:
                launch()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for launch in launches:
                launch()
        return graph.replay

    def copies(self, footprint):
        """How many sets of operands of `footprint` bytes make the graph exceed twice the L2 cache."""
        return max(2, min(64, math.ceil(2 * self.l2 / max(footprint, 1))))

    def record(self, shape, launches, without=None):
        """Measures and writes down; with `without`, the time of those launches is taken off."""
        shape = shape | {"cold": 0 if self.args.warm else 1}
        key = tuple(str(shape.get(c, "")) for c in SHAPE)
        if key in self.done:
            return
        if self.args.warm and "bytes" in shape:  # the first set of operands over and over
            launches, without = (ops and ops[:1] for ops in (launches, without))
        try:
            microseconds, noise = self.time_us(launches)
            if without is not None:
                microseconds -= self.time_us(without)[0]
        except torch.OutOfMemoryError:
            return
        mhz, throttled = self.clock.read()
        if throttled:
            self.dropped += 1
            return
        self.writer.writerow({"device": self.args.device, **shape, "time_us": f"{microseconds:.3f}", "noise": f"{noise:.4f}", "sm_clock_mhz": mhz or ""})
        self.file.flush()
        self.done.add(key)
        if sys.stderr.isatty():
            print(f"\r{len(self.done)} samples, {self.deadline - time.monotonic():.0f} s left ", end="", file=sys.stderr)

    def over(self, share=1.0):
        return time.monotonic() > self.deadline - (1 - share) * self.args.seconds


def log_uniform(rng, lo, hi):
    return round(math.exp(rng.uniform(math.log(lo), math.log(hi))))


def rounded(value, multiple):
    return max(multiple, round(value / multiple) * multiple)


def gemm_launch(dtype, layout, m, n, k, rows=None):
    """C[m,n] = A[m,k] B[k,n] with operands of its own, or with A and C of another launch (warm: activations that were just
    written; weights are never warm). Returns the launch and its (A, C). fp8: scaled products, both operands with k contiguous, bf16
    results."""
    if dtype == "fp8":
        a, c = rows or (torch.randn(m, k, device="cuda", dtype=torch.bfloat16).to(torch.float8_e4m3fn), None)
        b = torch.randn(n, k, device="cuda", dtype=torch.bfloat16).to(torch.float8_e4m3fn).t()
        one = torch.ones((), device="cuda")
        return lambda: torch._scaled_mm(a, b, scale_a=one, scale_b=one, out_dtype=torch.bfloat16), (a, c)
    kind = torch.bfloat16 if dtype == "bf16" else torch.float16
    if rows is None:
        a = torch.randn(m, k, device="cuda", dtype=kind) if layout != "NT" else torch.randn(k, m, device="cuda", dtype=kind).t()
        rows = a, torch.empty(m, n, device="cuda", dtype=kind)
    a, c = rows
    b = torch.randn(n, k, device="cuda", dtype=kind).t() if layout == "TN" else torch.randn(k, n, device="cuda", dtype=kind)
    return lambda: torch.mm(a, b, out=c), rows


def bench_gemm(bench, rng, share):
    """Layout: which operands are transposed in memory; TN is a linear layer's forward (weights [n,k]), NN its input's gradient,
    NT its weights'."""
    dtype = torch.bfloat16
    x, w = torch.randn(256, 512, device="cuda", dtype=dtype), torch.randn(384, 512, device="cuda", dtype=dtype)
    check("gemm", x @ w.t(), x.float() @ w.float().t())
    fp8 = torch.cuda.get_device_capability() >= (8, 9)
    while not bench.over(share):
        m = log_uniform(rng, 1, 40000)
        n, k = rounded(log_uniform(rng, 32, 32768), 32), rounded(log_uniform(rng, 32, 32768), 32)
        if rng.random() < 0.7:  # widths of experts and attention
            n, k = rounded(log_uniform(rng, 256, 7168), 64), rounded(log_uniform(rng, 256, 7168), 64)
        footprint = 2 * (m * k + n * k + m * n)
        if footprint > 6e9 or 2.0 * m * n * k > 2e13:
            continue
        dtype = rng.choices(["bf16", "fp8", "fp16"], [0.8, 0.15 if fp8 else 0, 0.05])[0]
        layout = "TN" if dtype == "fp8" else rng.choice(["TN", "TN", "TN", "NN", "NT"])
        count = bench.copies(2 * n * k if bench.args.warm else footprint)
        first, rows = gemm_launch(dtype, layout, m, n, k)
        launches = [first] + [gemm_launch(dtype, layout, m, n, k, rows if bench.args.warm else None)[0] for _ in range(count - 1)]
        bench.record({"kernel": "gemm", "dtype": dtype, "m": m, "n": n, "k": k, "layout": layout}, launches)


def skewed_rows(rng, experts, total):
    """Rows of each expert when tokens choose by Zipf's law: at least none, in all `total`."""
    weights = [(i + 1) ** -rng.choice([0.3, 0.6, 1.0]) for i in range(experts)]
    rng.shuffle(weights)
    rows = [int(total * w / sum(weights)) for w in weights]
    rows[0] += total - sum(rows)
    return rows


def bench_grouped(bench, rng, share):
    """Experts: rows split over `experts` products of one width, equal or skewed (column rows), in one kernel or as a batch.
    kernel grouped_wgrad: the weights' gradients, reduced over each expert's rows."""
    dtype = torch.bfloat16
    grouped = torch_kernels.grouped_mm
    if grouped is not None:
        x, w = torch.randn(64, 256, device="cuda", dtype=dtype), torch.randn(2, 128, 256, device="cuda", dtype=dtype)
        split = torch.tensor([16, 64], device="cuda", dtype=torch.int32)
        check("grouped_gemm", grouped(x, w.transpose(-2, -1), offs=split), torch.cat([x[:16].float() @ w[0].float().t(), x[16:].float() @ w[1].float().t()]))
        y = torch.randn(64, 128, device="cuda", dtype=dtype)
        check("grouped_wgrad", grouped(y.t(), x, offs=split), torch.stack([y[:16].float().t() @ x[:16].float(), y[16:].float().t() @ x[16:].float()]))
    while not bench.over(share):
        experts = rng.choice([2, 4, 8, 16, 32, 64, 64])
        rows = log_uniform(rng, 1, 8192) if rng.random() < 0.3 else rounded(log_uniform(rng, 8, 4096), 8)
        n, k = rounded(log_uniform(rng, 256, 7168), 64), rounded(log_uniform(rng, 256, 7168), 64)
        total = rows * experts
        footprint = 2 * (total * (n + k) + experts * n * k)
        if footprint > 6e9 or 2.0 * total * n * k > 1e13:
            continue
        sets = []
        for _ in range(bench.copies(2 * experts * n * k if bench.args.warm else footprint)):
            x = sets[0][0] if bench.args.warm and sets else torch.randn(total, k, device="cuda", dtype=dtype)
            sets.append((x, torch.randn(experts, n, k, device="cuda", dtype=dtype)))
        shape = {"dtype": "bf16", "m": rows, "n": n, "k": k, "experts": experts}
        if grouped is not None:
            counts = skewed_rows(rng, experts, total) if rng.random() < 0.15 else None
            split = torch.tensor(counts or [rows] * experts, device="cuda", dtype=torch.int32)
            offsets = torch.cumsum(split, 0, dtype=torch.int32)
            listed = {"rows": " ".join(map(str, counts))} if counts else {}
            launches = [lambda x=x, w=w: grouped(x, w.transpose(-2, -1), offs=offsets) for x, w in sets]
            bench.record({"kernel": "grouped_gemm", **shape, **listed}, launches)
            if rng.random() < 0.3 and footprint < 3e9:
                grads = [torch.randn(total, n, device="cuda", dtype=dtype) for _ in sets]  # warm: inputs are, gradients are not
                bench.record({"kernel": "grouped_wgrad", **shape, **listed}, [lambda x=x, y=y: grouped(y.t(), x, offs=offsets) for (x, _), y in zip(sets, grads)])
        if rng.random() < 0.5:
            bench.record({"kernel": "batched_gemm", **shape}, [lambda x=x, w=w: torch.bmm(x.view(experts, rows, k), w.transpose(-2, -1)) for x, w in sets])


def bench_attention(bench, rng, share):
    q, k, v = (torch.randn(2, 4, 128, 64, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    scores = (q.float() @ k.float().transpose(-2, -1) / 8).masked_fill(~torch.ones(128, 128, device="cuda").tril().bool(), -torch.inf)
    check("attention", F.scaled_dot_product_attention(q, k, v, is_causal=True), torch.softmax(scores, -1) @ v.float())
    while not bench.over(share):
        head_dim = rng.choice([64, 128, 128])
        heads = rng.choice([8, 16, 32, 64])
        kv_heads = rng.choice([heads, heads, max(1, heads // 8)])
        decode = rng.random() < 0.35
        sequences = log_uniform(rng, 1, 256) if decode else log_uniform(rng, 1, 16)
        context = rounded(log_uniform(rng, 128, 16384), 64)
        query = 1 if decode else context
        backward = not decode and rng.random() < 0.4
        if sequences * context * heads * head_dim > 3e8:
            continue
        dtype = torch.bfloat16
        q = torch.randn(sequences, heads, query, head_dim, device="cuda", dtype=dtype, requires_grad=backward)
        k = torch.randn(sequences, kv_heads, context, head_dim, device="cuda", dtype=dtype, requires_grad=backward)
        v = torch.randn(sequences, kv_heads, context, head_dim, device="cuda", dtype=dtype, requires_grad=backward)
        shape = {"kernel": "attention", "dtype": "bf16", "sequences": sequences, "query_tokens": query, "context_tokens": context, "heads": heads,
                 "kv_heads": kv_heads, "head_dim": head_dim, "causal": int(not decode), "backward": int(backward)}
        def forward():
            return F.scaled_dot_product_attention(q, k, v, is_causal=not decode, enable_gqa=kv_heads != heads)
        if backward:  # autograd runs where its forward pass did: both are captured, and the forward pass subtracted
            grad = torch.randn_like(forward())
            bench.record(shape, [lambda: torch.autograd.grad(forward(), (q, k, v), grad)] * 2, without=[forward] * 2)
        else:
            with torch.no_grad():
                bench.record(shape, [forward] * 2)


def bench_memory(bench, rng, share):
    """Kernels that move bytes: `bytes` counts each operand once, as moesim does."""
    dtype, e = torch.bfloat16, 2
    while not bench.over(share):
        rows, h = log_uniform(rng, 16, 65536), rng.choice(WIDTHS)
        if rows * h * e > 1e9:
            continue
        size = rows * h * e
        n = bench.copies(3 * size)
        xs = [torch.randn(rows, h, device="cuda", dtype=dtype) for _ in range(n)]
        weight = torch.ones(h, device="cuda", dtype=dtype)
        outs = [torch.empty_like(x) for x in xs]
        def record(kernel, moved, launches):
            bench.record({"kernel": kernel, "dtype": "bf16", "m": rows, "n": h, "bytes": int(moved)}, launches)
        record("norm", 2 * size, [lambda x=x: F.rms_norm(x, (h,), weight) for x in xs])
        record("layer_norm", 2 * size, [lambda x=x: F.layer_norm(x, (h,), weight, weight) for x in xs])
        record("activation", 2 * size, [lambda x=x: F.gelu(x) for x in xs])
        record("residual_add", 3 * size, [lambda x=x, o=o: torch.add(x, o, out=o) for x, o in zip(xs, outs)])
        record("copy", 2 * size, [lambda x=x, o=o: o.copy_(x) for x, o in zip(xs, outs)])
        record("gated_activation", 1.5 * size, [lambda x=x: torch_kernels.GatedActivation.apply(x) for x in xs])
        record("cast", 3 * size, [lambda x=x: x.float() for x in xs])
        record("softmax", 2 * size, [lambda x=x: torch.softmax(x, -1) for x in xs])
        labels = torch.randint(0, h, (rows,), device="cuda")
        record("cross_entropy", 2 * size, [lambda x=x: F.cross_entropy(x, labels, reduction="none") for x in xs])
        table = torch.randn(50257, h, device="cuda", dtype=dtype)
        words = [torch.randint(0, 50257, (rows,), device="cuda") for _ in range(2)]
        record("embedding", 2 * size, [lambda w=w: F.embedding(w, table) for w in words])
        experts, top_k = rng.choice([(64, 8), (64, 6), (128, 8), (256, 8), (8, 2)])
        logits = [torch.randn(rows, experts, device="cuda", dtype=dtype) for _ in range(4)]
        bench.record({"kernel": "router", "dtype": "bf16", "m": rows, "n": experts, "k": top_k, "bytes": rows * experts * 4 * 5},
                     [lambda l=l: torch_kernels.route(l, top_k) for l in logits])
        if rows * top_k * h * e < 4e9:
            weights, order, tokens, inverse, _ = torch_kernels.route(logits[0], top_k)
            packed = [torch.index_select(x, 0, tokens) for x in xs[:4]]
            check("unpermute", torch_kernels.gather_sum(packed[0], weights, inverse, top_k),
                  (packed[0].float().index_select(0, inverse).view(rows, top_k, h) * weights.unsqueeze(-1)).sum(1))
            ways = {"kernel": "permute", "dtype": "bf16", "m": rows, "n": h, "k": top_k, "bytes": 2 * top_k * size}
            bench.record(ways, [lambda x=x, o=o: torch.index_select(x, 0, tokens, out=o) for x, o in zip(xs, packed)])
            ways["bytes"] = (top_k + 1) * size
            bench.record(ways | {"kernel": "unpermute"}, [lambda p=p: torch_kernels.gather_sum(p, weights, inverse, top_k) for p in packed])
            bench.record(ways | {"kernel": "unpermute_eager"}, [lambda p=p: torch.index_select(p, 0, inverse).view(rows, top_k, h).sum(1) for p in packed])
            bench.record(ways | {"kernel": "unpermute_atomic"}, [lambda p=p, o=o: o.index_add_(0, tokens, p) for p, o in zip(packed, outs)])
            bench.record(ways | {"kernel": "unpermute_backward", "bytes": (2 * top_k + 1) * size},
                         [lambda p=p, x=x: torch_kernels.scatter_grad(x, p, weights, order, top_k) for p, x in zip(packed, xs)])
        del xs, outs, logits


def bench_backward(bench, rng, share):
    """Gradients of kernels that move bytes: `bytes` counts each operand once."""
    dtype, e = torch.bfloat16, 2
    scores = torch.randn(64, 32, device="cuda", requires_grad=True)
    with torch.enable_grad():
        weights, index = torch.topk(torch.softmax(scores, -1), 4)
        want = torch.autograd.grad(weights, scores, torch.ones_like(weights))[0]
    check("router_backward", torch_kernels.route_grad(torch.ones_like(weights), index, torch.softmax(scores.detach(), -1), torch.float32), want)
    while not bench.over(share):
        rows, h = log_uniform(rng, 16, 65536), rng.choice(WIDTHS)
        size = rows * h * e
        if size > 6e8:
            continue
        n = bench.copies(3 * size)
        xs, grads = ([torch.randn(rows, h, device="cuda", dtype=dtype) for _ in range(n)] for _ in range(2))
        def record(kernel, moved, launches, **further):
            bench.record({"kernel": kernel, "dtype": "bf16", "m": rows, "n": h, "bytes": int(moved)}, launches, **further)
        # The norm's gradient needs what its forward pass saved: both are captured, and the forward pass taken off.
        weight = torch.ones(h, device="cuda", dtype=dtype, requires_grad=True)
        inputs = [x.detach().requires_grad_() for x in xs]
        def forward(x):
            with torch.enable_grad():
                return F.rms_norm(x, (h,), weight)
        record("norm_backward", 3 * size, [lambda x=x, g=g: torch.autograd.grad(forward(x), (x, weight), g) for x, g in zip(inputs, grads)],
               without=[lambda x=x: forward(x) for x in inputs])
        record("activation_backward", 3 * size, [lambda x=x, g=g: torch.ops.aten.gelu_backward(g, x) for x, g in zip(xs, grads)])
        halves = [g[:, :h // 2].contiguous() for g in grads]
        record("gated_activation_backward", 2.5 * size, [lambda x=x, g=g: torch_kernels.swiglu_grad(x, g) for x, g in zip(xs, halves)])
        # Gradients of queries, keys and values, each by heads, become that of their common projection: put side by side, then by tokens.
        head_dim = rng.choice([64, 128])
        heads = [tuple(torch.randn(1, rows, h // head_dim, head_dim, device="cuda", dtype=dtype).transpose(1, 2) for _ in range(3))
                 for _ in range(max(2, n // 3))]
        record("qkv_gradient", 4 * 3 * size, [lambda t=t: torch.stack(t).permute(1, 3, 0, 2, 4).reshape(rows, 3 * h) for t in heads])
        experts, top_k = rng.choice([(64, 8), (64, 6), (128, 8), (256, 8), (8, 2)])
        probabilities = [torch.softmax(torch.randn(rows, experts, device="cuda"), -1) for _ in range(4)]
        chosen = [torch.topk(p, top_k) for p in probabilities]
        bench.record({"kernel": "router_backward", "dtype": "fp32", "m": rows, "n": experts, "k": top_k, "bytes": rows * experts * 4 * 3},
                     [lambda p=p, c=c: torch_kernels.route_grad(c[0], c[1], p, dtype) for p, c in zip(probabilities, chosen)])
        del xs, grads, inputs, halves, heads, probabilities, chosen


def bench_optimizer(bench, rng, share):
    """Fused Adam over one flat tensor: per parameter weight, gradient and both moments in fp32 (4 B each) read, three written."""
    while not bench.over(share):
        count = log_uniform(rng, 1 << 16, 1 << 28)
        p = torch.randn(count, device="cuda", requires_grad=True)
        p.grad = torch.randn(count, device="cuda")
        adam = torch.optim.Adam([p], lr=1e-4, fused=True, capturable=True)
        bench.record({"kernel": "optimizer", "dtype": "fp32", "m": count, "bytes": 28 * count}, [adam.step] * 2)
        del p, adam


# By name: the function and its share of the time.
SUITES = {"gemm": (bench_gemm, 0.4), "grouped": (bench_grouped, 0.2), "memory": (bench_memory, 0.15), "backward": (bench_backward, 0.1),
          "optimizer": (bench_optimizer, 0.03), "attention": (bench_attention, 0.12)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="samples, CSV; an existing file is continued")
    parser.add_argument("--device", required=True, help="name of the device in configs/devices")
    parser.add_argument("--seconds", type=float, default=240, help="time for all samples")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--warm", action="store_true", help="activations are in the cache as far as it holds them, as behind the "
                        "kernel that wrote them; weights are not")
    parser.add_argument("--only", nargs="*", default=list(SUITES), choices=list(SUITES), help="some of the suites")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench_torch: no CUDA device (this measures GPUs): run it on the machine to be calibrated", file=sys.stderr)
        return 1
    bench, rng = Bench(args), random.Random(args.seed)
    total, share = sum(SUITES[name][1] for name in args.only), 0
    for name in args.only:
        suite, part = SUITES[name]
        share += part / total
        with torch.set_grad_enabled(name == "attention"):
            suite(bench, rng, share)
    print(f"{len(bench.done)} samples in {args.output}, {bench.dropped} dropped (throttled)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

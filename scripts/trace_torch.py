#!/usr/bin/env python3
"""Measures whole mixture-of-experts layers in PyTorch: fine-grained experts and their BigMac twins, the MoE block alone and a
whole transformer layer around it, forward and forward + backward. Writes what `moesim validate` compares with its predictions.

    scripts/trace_torch.py -o traces/h100_sxm_layers.csv --scenario h100_sxm_layer.yaml
    torchrun --nproc-per-node 2 scripts/trace_torch.py -o traces/h100_sxm_layers_ep2.csv --scenario h100_sxm_layer_ep2.yaml

Method: as scripts/bench_torch.py (random data, CUDA graph, median of replays, clocks recorded). A graph holds as many layers,
each with its own weights and activations, as exceed twice the L2 cache. The block is checked against a loop over experts in
float32 first. On one GPU tokens are routed by random logits: experts are loaded evenly up to chance. On several the experts are
spread over all of them (EP = number of processes), NCCL exchanges the rows, and experts are loaded exactly evenly, since a graph
cannot hold exchanges whose sizes follow from the data; the slowest rank's time counts.
"""

import argparse
import csv
import datetime
import json
import os
import statistics
import sys

import torch
import torch.distributed as dist
import torch.nn.functional as F

from torch_kernels import Exchange, GatedActivation, GroupedLinear, Permute, Reorder, Unpermute, route
from torch_timing import Clock, check, gpu_line, median_replay

# hidden, heads, head_dim, experts, top_k, expert_hidden (fine-grained), gated. The twin: payload hidden / 4; expert_hidden such
# that the experts have as many weights.
MODELS = {
    "gpt3_medium": (1024, 16, 64, 64, 8, 256, False),
    "gpt3_xl": (2048, 16, 128, 64, 8, 512, False),
    "deepseek_moe_16b": (2048, 16, 128, 64, 6, 1408, True),
    # What one GPU of a larger machine computes: experts of Grok-1 with TP 4 and EP 2, of DeepSeek-V3 with EP 32.
    "grok1_part": (6144, 12, 128, 4, 2, 8192, True),
    "deepseek_v3_part": (7168, 32, 128, 8, 2, 2048, True),
}
SMALL = ["gpt3_medium", "gpt3_xl", "deepseek_moe_16b"]
TOKENS = [256, 512, 1024, 2048, 4096, 8192]  # per GPU
COLUMNS = ["case", "scenario", "variant", "workload.sequence_length", "workload.global_batch", "workload.micro_batch", "part", "time_us",
           "tolerance", "baseline", "ratio_tolerance", "notes"]
TOLERANCE, RATIO_TOLERANCE = 0.1, 0.05


class Layer(torch.nn.Module):
    def __init__(self, shape, structure, ep=1, dtype=torch.bfloat16):
        """shape: a value of MODELS."""
        super().__init__()
        self.ep, self.even = ep, None
        hidden, heads, head_dim, experts, top_k, expert_hidden, gated = shape
        self.hidden, self.heads, self.head_dim, self.experts, self.top_k, self.gated = hidden, heads, head_dim, experts, top_k, gated
        self.payload = hidden if structure == "fine_grained" else hidden // 4
        width = expert_hidden * (hidden // self.payload)
        def weight(*shape):
            return torch.nn.Parameter(torch.randn(*shape, device="cuda", dtype=dtype) / shape[-1] ** 0.5)
        self.attention_norm, self.ffn_norm = (torch.nn.Parameter(torch.ones(hidden, device="cuda", dtype=dtype)) for _ in range(2))
        self.qkv, self.output = weight(3 * heads * head_dim, hidden), weight(hidden, heads * head_dim)
        self.router = weight(experts, hidden)
        self.up, self.down = (
            weight(experts // ep, (2 if gated else 1) * width, self.payload), weight(experts // ep, self.payload, width))
        if structure == "bigmac":
            self.descend, self.ascend = weight(self.payload, hidden), weight(hidden, self.payload)
        self.structure = structure

    def load_evenly(self, tokens):
        """Which experts the slots of `tokens` tokens take, instead of the best: each as many rows, in random order."""
        rows = tokens * self.top_k
        assert rows % self.experts == 0
        self.even = (torch.randperm(rows, device="cuda") % self.experts).view(tokens, self.top_k)
        step = rows // self.experts * self.ep
        self.even_offsets = torch.arange(step, rows + 1, step, device="cuda", dtype=torch.int32)
        # Rows arrive as [source rank, expert, row]; the experts want [expert, source rank, row].
        arrived = torch.arange(rows, device="cuda").view(self.ep, self.experts // self.ep, -1)
        self.by_expert = arrived.transpose(0, 1).reshape(-1)
        self.by_source = torch.empty_like(self.by_expert).scatter_(0, self.by_expert, torch.arange(rows, device="cuda"))

    def block(self, x):
        weights, order, source, inverse, offsets = route(F.linear(x, self.router), self.top_k, self.even)
        inputs = F.linear(x, self.descend) if self.structure == "bigmac" else x
        rows = Permute.apply(inputs, source, inverse, self.top_k)
        if self.ep > 1:
            rows = Reorder.apply(Exchange.apply(rows), self.by_expert, self.by_source)
            offsets = self.even_offsets
        rows = GroupedLinear.apply(rows, self.up, offsets)
        rows = GatedActivation.apply(rows) if self.gated else F.gelu(rows)
        rows = GroupedLinear.apply(rows, self.down, offsets)
        if self.ep > 1:
            rows = Exchange.apply(Reorder.apply(rows, self.by_source, self.by_expert))
        out = Unpermute.apply(rows, weights, order, inverse, self.top_k)
        return F.linear(out, self.ascend) if self.structure == "bigmac" else out

    def layer(self, x, sequence_length):
        tokens = x.shape[0]
        y = F.rms_norm(x, (self.hidden,), self.attention_norm)
        q, k, v = F.linear(y, self.qkv).view(tokens // sequence_length, sequence_length, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(tokens, self.heads * self.head_dim)
        x = x + F.linear(y, self.output)
        return x + self.block(F.rms_norm(x, (self.hidden,), self.ffn_norm))


def gathered(weight):
    """The experts' weights of all ranks."""
    out = torch.empty(dist.get_world_size() * weight.shape[0], *weight.shape[1:], device=weight.device, dtype=weight.dtype)
    dist.all_gather_into_tensor(out, weight.detach().contiguous())
    return out


def reference(layer, x):
    """The block in float32, expert by expert, with the same routing."""
    logits = F.linear(x, layer.router)
    weights, index = torch.topk(torch.softmax(logits, -1, dtype=torch.float32), layer.top_k)
    all_up, all_down = layer.up, layer.down
    if layer.ep > 1:
        index = layer.even
        all_up, all_down = (gathered(w) for w in (layer.up, layer.down))
    xs = x.float() @ layer.descend.float().t() if layer.structure == "bigmac" else x.float()
    out = torch.zeros_like(xs)
    for expert in range(layer.experts):
        token, slot = torch.where(index == expert)
        up = xs[token] @ all_up[expert].float().t()
        if layer.gated:
            gate, value = up.chunk(2, -1)
            up = F.silu(gate) * value
        else:
            up = F.gelu(up)
        out.index_add_(0, token, (up @ all_down[expert].float().t()) * weights[token, slot].unsqueeze(1))
    return out @ layer.ascend.float().t() if layer.structure == "bigmac" else out


def run_case(layers, inputs, grads, scope, backward, sequence_length):
    def step():
        for layer, x, grad in zip(layers, inputs, grads):
            out = layer.block(x) if scope == "moe_block" else layer.layer(x, sequence_length)
            if backward:
                wanted = [p for p in layer.parameters() if p.requires_grad]
                torch.autograd.grad(out, [x, *wanted], grad, allow_unused=True)
    return step


def capture(step):
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # NCCL's watchdog asks for events meanwhile, in a thread of its own.
    with torch.cuda.graph(graph, capture_error_mode="thread_local" if dist.is_initialized() else "global"):
        step()
    return graph


def slowest(value):
    """The largest of all ranks."""
    if not dist.is_initialized():
        return value
    all_of_them = torch.tensor([value], device="cuda", dtype=torch.float64)
    dist.all_reduce(all_of_them, dist.ReduceOp.MAX)
    return all_of_them.item()


def median_of_all_ranks(replay, layers):
    """As median_replay, but every rank replays equally often: the time of one layer [us] on the slowest rank, and noise."""
    def replays(count):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
        events[0].record()
        for event in events[1:]:
            replay()
            event.record()
        events[-1].synchronize()
        return [a.elapsed_time(b) * 1e3 / layers for a, b in zip(events, events[1:])]

    dist.barrier()
    once = slowest(statistics.median(replays(5)))
    times = torch.tensor(replays(int(min(200, max(10, 3e5 / (once * layers))))), device="cuda", dtype=torch.float64)
    dist.all_reduce(times, dist.ReduceOp.MAX)
    times = times.tolist()
    return statistics.median(times), statistics.stdev(times) / statistics.mean(times) / len(times) ** 0.5


def kernels_of(graph):
    """Names and durations [us] of the kernels of one replay."""
    from torch.profiler import ProfilerActivity, profile
    with profile(activities=[ProfilerActivity.CUDA]) as run:
        graph.replay()
        torch.cuda.synchronize()
    events = [e for e in run.events() if e.device_type == torch.autograd.DeviceType.CUDA]
    return [(e.name, e.time_range.start, round(e.time_range.elapsed_us(), 3)) for e in sorted(events, key=lambda e: e.time_range.start)]


def comments(args, command, what):
    yield gpu_line()
    yield f"date: {datetime.date.today()}; command: scripts/{command} --scenario {args.scenario}"
    yield what


class Traces:
    """The file of rank 0, one line a case."""

    def __init__(self, args, rank, command, what):
        self.args, self.file = args, None
        if rank == 0:
            new = not os.path.exists(args.output)
            self.file = open(args.output, "a", newline="")
            if new:
                self.file.writelines(f"# {line}\n" for line in comments(args, command, what))
                self.file.write(",".join(COLUMNS) + "\n")
            self.writer = csv.DictWriter(self.file, COLUMNS, restval="", lineterminator="\n")

    def add(self, model, structure, tokens, sequence_length, ep, part, microseconds, notes):
        if self.file is None:
            return
        sequences = tokens // sequence_length
        twin = {} if structure == "fine_grained" else {"baseline": f"{model} fine_grained {tokens} {part}", "ratio_tolerance": RATIO_TOLERANCE}
        self.writer.writerow({"case": f"{model} {structure} {tokens} {part}", "scenario": self.args.scenario, "variant": f"{model}_{structure}",
                              "workload.sequence_length": sequence_length, "workload.global_batch": sequences * ep,
                              "workload.micro_batch": sequences, "part": part, "time_us": f"{microseconds:.3f}", "tolerance": TOLERANCE,
                              "notes": notes, **twin})
        self.file.flush()


def measure(args, traces, clock, ep, model, structure, profiles):
    l2 = torch.cuda.get_device_properties(0).L2_cache_size
    torch.manual_seed(1 + int(os.environ.get("RANK", 0)))  # experts differ between ranks
    first = Layer(MODELS[model], structure, ep)
    weights = sum(p.numel() * p.element_size() for p in first.parameters())
    layers = [first] + [Layer(MODELS[model], structure, ep) for _ in range(max(1, -(-2 * l2 // weights) - 1))]
    if ep > 1:  # what is not an expert is the same on all ranks
        for layer in layers:
            for name, parameter in layer.named_parameters():
                if name not in ("up", "down"):
                    dist.broadcast(parameter.data, 0)
    with torch.no_grad():
        x = torch.randn(512, first.hidden, device="cuda", dtype=torch.bfloat16)
        if ep > 1:
            first.load_evenly(512)
        check(f"{model} {structure}", first.block(x), reference(first, x), 3e-2)
    for tokens in args.tokens:
        sequence_length = min(tokens, 2048)
        inputs = [torch.randn(tokens, first.hidden, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in layers]
        grads = [torch.randn(tokens, first.hidden, device="cuda", dtype=torch.bfloat16) for _ in layers]
        if ep > 1:
            for layer in layers:
                layer.load_evenly(tokens)
        for scope in ["moe_block", "layer"]:
            for backward in [False, True]:
                for layer in layers:
                    layer.requires_grad_(backward)
                with torch.set_grad_enabled(backward):
                    graph = capture(run_case(layers, inputs, grads, scope, backward, sequence_length))
                timed = median_of_all_ranks(graph.replay, len(layers)) if ep > 1 else median_replay(graph.replay, len(layers), 0.5)
                microseconds, noise = timed
                mhz, throttled = clock.read()
                part = scope + (".forward_backward" if backward else ".forward")
                if slowest(float(throttled)):
                    print(f"dropped (throttled): {model} {structure} {tokens} {part}", file=sys.stderr)
                    continue
                traces.add(model, structure, tokens, sequence_length, ep, part, microseconds,
                           f"noise {noise:.4f}; SM clock {mhz} MHz; {len(layers)} layers")
                if args.profile and tokens in (512, 2048, 8192):
                    profiles[f"{model} {structure} {tokens} {part}"] = kernels_of(graph)
                    if traces.file is not None:
                        with open(args.profile, "w") as out:
                            json.dump(profiles, out)
                del graph
        del inputs, grads
    torch.cuda.empty_cache()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="the trace, CSV; an existing file is continued")
    parser.add_argument("--scenario", required=True, help="what `moesim validate` predicts: a scenario beside the trace")
    parser.add_argument("--profile", help="JSON: the kernels of each case with their times, in order")
    parser.add_argument("--models", nargs="*", default=SMALL, choices=list(MODELS))
    parser.add_argument("--tokens", nargs="*", type=int, default=TOKENS, help="per GPU")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("trace_torch: no CUDA device (this measures GPUs): run it on the machine to be validated", file=sys.stderr)
        return 1
    ep, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    if ep > 1:
        dist.init_process_group("nccl", device_id=torch.device("cuda", torch.cuda.current_device()))
    what = "layers alternate between sets of weights; time_us is of one layer"
    traces, clock, profiles = Traces(args, rank, "trace_torch.py", what), Clock(), {}
    for model in args.models:
        for structure in ["fine_grained", "bigmac"]:
            measure(args, traces, clock, ep, model, structure, profiles)
    if ep > 1:
        dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())

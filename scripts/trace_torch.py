#!/usr/bin/env python3
"""Measures whole mixture-of-experts layers on one GPU (EP = 1) in PyTorch: fine-grained experts and their BigMac twins, the
MoE block alone and a whole transformer layer around it, forward and forward + backward. Writes what `moesim validate` compares
with its predictions.

    scripts/trace_torch.py -o traces/h100_sxm_layers.csv --device h100_sxm

Method: as scripts/bench_torch.py (random data, CUDA graph, replays until the mean is settled, median, clocks recorded). A graph
holds as many layers, each with its own weights and activations, as exceed twice the L2 cache. Tokens are routed by random
logits: experts are loaded evenly up to chance. The block is checked against a loop over experts in float32 first.
"""

import argparse
import csv
import datetime
import json
import os
import sys

import torch
import torch.nn.functional as F

from bench_torch import Clock, check, median_replay, nvidia_smi
from torch_kernels import GatedActivation, GroupedLinear, Permute, Unpermute, route

# hidden, heads, head_dim, experts, top_k, expert_hidden (fine-grained), gated. The twin: payload hidden / 4; expert_hidden such
# that the experts have as many weights.
MODELS = {
    "gpt3_medium": (1024, 16, 64, 64, 8, 256, False),
    "gpt3_xl": (2048, 16, 128, 64, 8, 512, False),
    "deepseek_moe_16b": (2048, 16, 128, 64, 6, 1408, True),
}
TOKENS = [256, 512, 1024, 2048, 4096, 8192]
COLUMNS = ["device", "model", "structure", "scope", "pass", "tokens", "sequence_length", "layers", "time_us", "noise", "sm_clock_mhz"]


class Layer(torch.nn.Module):
    def __init__(self, model, structure, dtype=torch.bfloat16):
        super().__init__()
        hidden, heads, head_dim, experts, top_k, expert_hidden, gated = MODELS[model]
        self.hidden, self.heads, self.head_dim, self.experts, self.top_k, self.gated = hidden, heads, head_dim, experts, top_k, gated
        self.payload = hidden if structure == "fine_grained" else hidden // 4
        width = expert_hidden * (hidden // self.payload)
        def weight(*shape):
            return torch.nn.Parameter(torch.randn(*shape, device="cuda", dtype=dtype) / shape[-1] ** 0.5)
        self.attention_norm, self.ffn_norm = (torch.nn.Parameter(torch.ones(hidden, device="cuda", dtype=dtype)) for _ in range(2))
        self.qkv, self.output = weight(3 * heads * head_dim, hidden), weight(hidden, heads * head_dim)
        self.router = weight(experts, hidden)
        self.up, self.down = weight(experts, (2 if gated else 1) * width, self.payload), weight(experts, self.payload, width)
        if structure == "bigmac":
            self.descend, self.ascend = weight(self.payload, hidden), weight(hidden, self.payload)
        self.structure = structure

    def block(self, x):
        weights, order, inverse, offsets = route(F.linear(x, self.router), self.top_k)
        inputs = F.linear(x, self.descend) if self.structure == "bigmac" else x
        rows = Permute.apply(inputs, order, inverse, self.top_k)
        rows = GroupedLinear.apply(rows, self.up, offsets)
        rows = GatedActivation.apply(rows) if self.gated else F.gelu(rows)
        rows = GroupedLinear.apply(rows, self.down, offsets)
        out = Unpermute.apply(rows, weights, order, inverse, self.top_k)
        return F.linear(out, self.ascend) if self.structure == "bigmac" else out

    def layer(self, x, sequence_length):
        tokens = x.shape[0]
        y = F.rms_norm(x, (self.hidden,), self.attention_norm)
        q, k, v = F.linear(y, self.qkv).view(tokens // sequence_length, sequence_length, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(tokens, self.heads * self.head_dim)
        x = x + F.linear(y, self.output)
        return x + self.block(F.rms_norm(x, (self.hidden,), self.ffn_norm))


def reference(layer, x):
    """The block in float32, expert by expert, with the same routing."""
    logits = F.linear(x, layer.router)
    weights, index = torch.topk(torch.softmax(logits, -1, dtype=torch.float32), layer.top_k)
    xs = x.float() @ layer.descend.float().t() if layer.structure == "bigmac" else x.float()
    out = torch.zeros_like(xs)
    for expert in range(layer.experts):
        token, slot = torch.where(index == expert)
        up = xs[token] @ layer.up[expert].float().t()
        if layer.gated:
            gate, value = up.chunk(2, -1)
            up = F.silu(gate) * value
        else:
            up = F.gelu(up)
        out.index_add_(0, token, (up @ layer.down[expert].float().t()) * weights[token, slot].unsqueeze(1))
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
    with torch.cuda.graph(graph):
        step()
    return graph


def kernels_of(graph):
    """Names and durations [us] of the kernels of one replay."""
    from torch.profiler import ProfilerActivity, profile
    with profile(activities=[ProfilerActivity.CUDA]) as run:
        graph.replay()
        torch.cuda.synchronize()
    events = [e for e in run.events() if e.device_type == torch.autograd.DeviceType.CUDA]
    return [(e.name, e.time_range.start, round(e.time_range.elapsed_us(), 3)) for e in sorted(events, key=lambda e: e.time_range.start)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="CSV of the layers' times")
    parser.add_argument("--device", required=True, help="name of the device in configs/devices")
    parser.add_argument("--profile", help="JSON: the kernels of each case with their times, in order")
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("trace_torch: no CUDA device (this measures GPUs): run it on the machine to be validated", file=sys.stderr)
        return 1
    clock, profiles = Clock(), {}
    l2 = torch.cuda.get_device_properties(0).L2_cache_size
    new = not os.path.exists(args.output)
    with open(args.output, "a", newline="") as file:
        if new:
            name, driver, power, clock_max = nvidia_smi("name,driver_version,power.limit,clocks.max.sm")
            file.write(f"# gpu: {name}; driver {driver}; power limit {power} W; max SM clock {clock_max} MHz; torch {torch.__version__}; "
                       f"CUDA {torch.version.cuda}; cuDNN {torch.backends.cudnn.version()}\n"
                       f"# date: {datetime.date.today()}; command: scripts/trace_torch.py --device {args.device}\n")
            file.write(",".join(COLUMNS) + "\n")
        writer = csv.DictWriter(file, COLUMNS, restval="")
        for model in args.models:
            for structure in ["fine_grained", "bigmac"]:
                torch.manual_seed(1)
                first = Layer(model, structure)
                weights = sum(p.numel() * p.element_size() for p in first.parameters())
                layers = [first] + [Layer(model, structure) for _ in range(max(1, -(-2 * l2 // weights) - 1))]
                with torch.no_grad():
                    x = torch.randn(512, first.hidden, device="cuda", dtype=torch.bfloat16)
                    check(f"{model} {structure}", first.block(x), reference(first, x), 3e-2)
                for tokens in TOKENS:
                    sequence_length = min(tokens, 2048)
                    inputs = [torch.randn(tokens, first.hidden, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in layers]
                    grads = [torch.randn(tokens, first.hidden, device="cuda", dtype=torch.bfloat16) for _ in layers]
                    for scope in ["moe_block", "layer"]:
                        for backward in [False, True]:
                            for layer in layers:
                                layer.requires_grad_(backward)
                            with torch.set_grad_enabled(backward):
                                graph = capture(run_case(layers, inputs, grads, scope, backward, sequence_length))
                            microseconds, noise = median_replay(graph.replay, len(layers), 0.5)
                            mhz, throttled = clock.read()
                            case = {"model": model, "structure": structure, "scope": scope, "pass": "forward_backward" if backward else "forward",
                                    "tokens": tokens}
                            if throttled:
                                print(f"dropped (throttled): {case}", file=sys.stderr)
                                continue
                            writer.writerow({"device": args.device, **case, "sequence_length": sequence_length, "layers": len(layers),
                                             "time_us": f"{microseconds:.3f}", "noise": f"{noise:.4f}", "sm_clock_mhz": mhz or ""})
                            file.flush()
                            if args.profile and tokens in (512, 2048, 8192):
                                profiles[" ".join(str(v) for v in case.values())] = kernels_of(graph)
                                with open(args.profile, "w") as out:
                                    json.dump(profiles, out)
                            del graph
                del layers, first
                torch.cuda.empty_cache()
    return 0


if __name__ == "__main__":
    sys.exit(main())

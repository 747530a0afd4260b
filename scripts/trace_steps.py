#!/usr/bin/env python3
"""Measures whole training steps of small mixture-of-experts models in PyTorch: embedding, layers, logits, loss, backward pass,
reduction of the gradients, norm and Adam, in one CUDA graph. Writes what `moesim validate` compares with its predictions.

    scripts/trace_steps.py -o traces/h100_sxm_steps.csv --scenario h100_sxm_step.yaml
    torchrun --nproc-per-node 2 scripts/trace_steps.py -o traces/h100_sxm_steps_ep2.csv --scenario h100_sxm_step_ep2.yaml

The layers are those of scripts/trace_torch.py; with several processes experts are spread over all GPUs and the other gradients
are all-reduced. Steps are repeated for seconds, so that clocks are those of long runs; the median after the first two seconds
counts, of the slowest rank.
"""

import argparse
import os
import statistics
import sys
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F

from torch_timing import Clock
from trace_torch import Layer, MODELS, SMALL, Traces, capture, slowest

LAYERS, VOCABULARY, SEQUENCE = 4, 50304, 2048
TOKENS = [2048, 8192, 16384]  # per GPU
SETTLE, MEASURE = 2.0, 2.0  # [s]


class Model(torch.nn.Module):
    def __init__(self, name, structure, ep):
        super().__init__()
        self.layers = torch.nn.ModuleList(Layer(MODELS[name], structure, ep) for _ in range(LAYERS))
        hidden = self.layers[0].hidden
        def weight(*shape):
            return torch.nn.Parameter(torch.randn(*shape, device="cuda", dtype=torch.bfloat16) / hidden ** 0.5)
        self.words, self.positions, self.norm = weight(VOCABULARY, hidden), weight(SEQUENCE, hidden), weight(hidden)

    def forward(self, words, labels):
        x = F.embedding(words, self.words) + self.positions.repeat(words.shape[0] // SEQUENCE, 1)
        for layer in self.layers:
            x = layer.layer(x, SEQUENCE)
        x = F.rms_norm(x, self.norm.shape, self.norm)
        return F.cross_entropy(F.linear(x, self.words), labels)

    def shared(self):
        """What every rank has: all but the experts."""
        return [p for name, p in self.named_parameters() if not name.endswith((".up", ".down"))]


def step_of(model, adam, words, labels, ep):
    def step():
        for parameter in model.parameters():
            parameter.grad = None
        model(words, labels).backward()
        if ep > 1:
            with dist._coalescing_manager(async_ops=False):
                for parameter in model.shared():
                    dist.all_reduce(parameter.grad)
        torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
        adam.step()
    return step


def long_run(graph):
    """Median time of a step [us] on the slowest rank once the clocks have settled, and its noise."""
    def replay():
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        return begin, end
    if dist.is_initialized():
        dist.barrier()
    replay()[1].synchronize()
    begin, end = replay()
    end.synchronize()
    once = slowest(begin.elapsed_time(end))
    counts = [int(max(5, 1e3 * seconds / once)) for seconds in (SETTLE, MEASURE)]  # the same on all ranks
    times = []
    for count in counts:
        events = [replay() for _ in range(count)]
        torch.cuda.synchronize()
        times = torch.tensor([b.elapsed_time(e) * 1e3 for b, e in events], device="cuda", dtype=torch.float64)
    if dist.is_initialized():
        dist.all_reduce(times, dist.ReduceOp.MAX)
    times = times.tolist()
    return statistics.median(times), statistics.stdev(times) / statistics.mean(times) / len(times) ** 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="the trace, CSV; an existing file is continued")
    parser.add_argument("--scenario", required=True, help="what `moesim validate` predicts: a scenario beside the trace")
    parser.add_argument("--models", nargs="*", default=SMALL, choices=list(MODELS))
    parser.add_argument("--tokens", nargs="*", type=int, default=TOKENS, help="per GPU, multiples of the sequence's 2048")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("trace_steps: no CUDA device (this measures GPUs): run it on the machine to be validated", file=sys.stderr)
        return 1
    ep, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    if ep > 1:
        dist.init_process_group("nccl", device_id=torch.device("cuda", torch.cuda.current_device()))
    what = "clocks of a long run: the median after the first two seconds"
    traces, clock, begin = Traces(args, rank, "trace_steps.py", what), Clock(), time.monotonic()
    for name in args.models:
        for structure in ["fine_grained", "bigmac"]:
            for tokens in args.tokens:
                torch.manual_seed(1 + rank)
                model = Model(name, structure, ep)
                if ep > 1:
                    for parameter in model.shared():
                        dist.broadcast(parameter.data, 0)
                    for layer in model.layers:
                        layer.load_evenly(tokens)
                adam = torch.optim.Adam(model.parameters(), lr=1e-5, fused=True, capturable=True)
                words, labels = (torch.randint(0, VOCABULARY, (tokens,), device="cuda") for _ in range(2))
                graph = capture(step_of(model, adam, words, labels, ep))
                microseconds, noise = long_run(graph)
                mhz, throttled = clock.read()
                if slowest(float(throttled)):
                    print(f"dropped (throttled): {name} {structure} {tokens}", file=sys.stderr)
                else:
                    traces.add(name, structure, tokens, SEQUENCE, ep, "step", microseconds, f"noise {noise:.4f}; SM clock {mhz} MHz; {LAYERS} layers")
                del graph, adam, model
                torch.cuda.empty_cache()
    if rank == 0:
        print(f"trace_steps: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    if ep > 1:
        dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())

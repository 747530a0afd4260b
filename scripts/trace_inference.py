#!/usr/bin/env python3
"""Measures whole inference passes of small mixture-of-experts models in PyTorch, each in one CUDA graph: the prompt (prefill) and
one generated token for every sequence of a batch (decode) over a cache of keys and values. Writes what `moesim validate`
compares with its predictions.

    scripts/trace_inference.py -o traces/h100_sxm_inference.csv --scenario h100_sxm_inference.yaml

The layers are those of scripts/trace_torch.py with grouped queries; random weights and tokens, so experts are loaded evenly up to
chance. Passes are repeated for a second, until the clocks have settled, then timed for half of one; the device waits while the host
starts each.
"""

import argparse
import csv
import os
import sys
import time

import torch
import torch.nn.functional as F

from torch_timing import Clock, check, median_replay
from trace_torch import Layer, capture, comments

LAYERS, VOCABULARY = 4, 50304
# As MODELS of scripts/trace_torch.py, and the key-value heads.
MODELS = {
    "gpt3_xl": (2048, 16, 128, 64, 8, 512, False, 16),
    "deepseek_moe_16b": (2048, 16, 128, 64, 6, 1408, True, 4),
    "qwen3_30b_a3b": (2048, 32, 128, 128, 8, 768, True, 4),
}
DECODE = [(1, 1024), (8, 1024), (64, 1024), (256, 1024), (8, 8192), (64, 4096)]  # sequences, keys that a token sees
PREFILL = [(1, 512), (1, 2048), (4, 2048), (16, 1024)]  # sequences, tokens
COLUMNS = ["case", "scenario", "variant", "workload.batch", "workload.prompt_tokens", "workload.generated_tokens", "part", "time_us",
           "tolerance", "baseline", "ratio_tolerance", "notes"]


class CachedLayer(Layer):
    def __init__(self, model, structure):
        *shape, self.kv_heads = MODELS[model]
        super().__init__(shape, structure)
        width = (self.heads + 2 * self.kv_heads) * self.head_dim
        self.qkv = torch.nn.Parameter(torch.randn(width, self.hidden, device="cuda", dtype=torch.bfloat16) / self.hidden ** 0.5)

    def make_cache(self, sequences, length):
        self.cache = torch.randn(2, sequences, length, self.kv_heads, self.head_dim, device="cuda", dtype=torch.bfloat16)

    def cached(self, x, sequences):
        """Hidden states [sequences * tokens, hidden] whose keys and values take the last places of the cache."""
        tokens = x.shape[0] // sequences
        qkv = F.linear(F.rms_norm(x, (self.hidden,), self.attention_norm), self.qkv).view(sequences, tokens, -1, self.head_dim)
        q, kv = qkv[:, :, :self.heads], qkv[:, :, self.heads:].view(sequences, tokens, 2, self.kv_heads, self.head_dim)
        self.cache[:, :, -tokens:].copy_(kv.permute(2, 0, 1, 3, 4))
        k, v = (part.transpose(1, 2) for part in self.cache)
        y = F.scaled_dot_product_attention(q.transpose(1, 2), k, v, is_causal=tokens > 1, enable_gqa=self.kv_heads != self.heads)
        x = x + F.linear(y.transpose(1, 2).reshape(sequences * tokens, -1), self.output)
        return x + self.block(F.rms_norm(x, (self.hidden,), self.ffn_norm))


class Model:
    def __init__(self, name, structure):
        self.layers = [CachedLayer(name, structure) for _ in range(LAYERS)]
        hidden = self.layers[0].hidden
        self.words = torch.randn(VOCABULARY, hidden, device="cuda", dtype=torch.bfloat16)
        self.norm = torch.ones(hidden, device="cuda", dtype=torch.bfloat16)

    def run(self, words):
        """Probabilities of the token after each sequence's last. words [sequences, tokens]."""
        sequences = words.shape[0]
        x = F.embedding(words, self.words).view(words.numel(), -1)
        for layer in self.layers:
            x = layer.cached(x, sequences)
        last = F.rms_norm(x, self.norm.shape, self.norm).view(sequences, words.shape[1], -1)[:, -1]
        return torch.softmax(F.linear(last, self.words), -1, dtype=torch.float32)


def check_cache(model):
    """Token by token over the cache gives what the whole prompt at once gives."""
    words = torch.randint(0, VOCABULARY, (2, 16), device="cuda")
    for layer in model.layers:
        layer.make_cache(2, 16)
    whole = model.run(words)
    for layer in model.layers:
        layer.cache[:, :, -1] = 0
    check("decode against prefill", model.run(words[:, -1:]), whole, 5e-2)


def settle(replay, seconds=1.0):
    """Until the clocks are those of a server under load."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        replay()
        torch.cuda.synchronize()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="the trace, CSV")
    parser.add_argument("--scenario", required=True, help="what `moesim validate` predicts: a scenario beside the trace")
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("trace_inference: no CUDA device (this measures GPUs): run it on the machine to be validated", file=sys.stderr)
        return 1
    clock = Clock()
    with open(args.output, "w", newline="") as file, torch.no_grad():
        file.writelines(f"# {line}\n" for line in comments(args, os.path.basename(__file__), "time_us is of the whole pass"))
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for name in args.models:
            for structure in ["fine_grained", "bigmac"]:
                torch.manual_seed(1)
                model = Model(name, structure)
                check_cache(model)
                for part, settings in [("decode_step", DECODE), ("prefill", PREFILL)]:
                    for sequences, length in settings:
                        for layer in model.layers:
                            layer.cache = None
                        torch.cuda.empty_cache()
                        for layer in model.layers:
                            layer.make_cache(sequences, length)
                        words = torch.randint(0, VOCABULARY, (sequences, 1 if part == "decode_step" else length), device="cuda")
                        graph = capture(lambda: model.run(words))
                        settle(graph.replay)
                        microseconds, noise = median_replay(graph.replay, 1, 0.7, least_us=5e5)
                        mhz, throttled = clock.read()
                        case = f"{sequences} x {length} {part}"
                        if throttled:
                            print(f"dropped (throttled): {name} {structure} {case}", file=sys.stderr)
                            continue
                        twin = {} if structure == "fine_grained" else {"baseline": f"{name} fine_grained {case}", "ratio_tolerance": 0.05}
                        # A token that sees `length` keys is the second that a prompt of length - 1 generates.
                        prompt, generated = (length - 1, 2) if part == "decode_step" else (length, 1)
                        writer.writerow({"case": f"{name} {structure} {case}", "scenario": args.scenario, "variant": f"{name}_{structure}",
                                         "workload.batch": sequences, "workload.prompt_tokens": prompt, "workload.generated_tokens": generated,
                                         "part": part, "time_us": f"{microseconds:.3f}", "tolerance": 0.1,
                                         "notes": f"noise {noise:.4f}; SM clock {mhz} MHz; {LAYERS} layers", **twin})
                        file.flush()
                        del graph
                del model
                torch.cuda.empty_cache()
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Draws the breakdown of a comparison as an SVG: one bar per variant, one colour per kind of work.

    scripts/readme_figure.py build/release/bin/moesim configs/scenarios/paper_training.yaml > docs/figures/paper_training.svg
"""

import json
import subprocess
import sys
from xml.sax.saxutils import escape

# Okabe and Ito's palette: told apart by colour-blind readers, on paper and on dark screens.
GROUPS = [("all-to-all", {"dispatch", "combine"}, "#D55E00"), ("experts and projections", {"experts", "descend", "ascend", "shared_experts"}, "#0072B2"),
          ("permute and router", {"permute", "router"}, "#56B4E9"), ("attention, norms, logits", {"attention", "norms", "embedding", "logits", "dense_ffn"}, "#009E73"),
          ("gradients and optimizer", {"gradient_reduction", "optimizer"}, "#E69F00"), ("other", None, "#999999")]
WIDTH, LEFT, BAR, GAP, TOP = 760, 110, 34, 16, 40


def grouped(variant):
    times = {name: 0.0 for name, _, _ in GROUPS}
    for entry in variant["breakdown"]:
        key = entry["name"].replace(" ", "_")
        name = next((name for name, kinds, _ in GROUPS if kinds and key in kinds), "other")
        times[name] += entry["time_s"]
    return times


def text(x, y, content, anchor="start", size=13, weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="#808080">{escape(content)}</text>'


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    run = subprocess.run([sys.argv[1], "compare", sys.argv[2], "--format", "json"], capture_output=True, text=True, check=True)
    variants = json.loads(run.stdout)["variants"]
    longest = max(variant["step_time_s"] for variant in variants)
    scale = (WIDTH - LEFT - 150) / longest
    height = TOP + len(variants) * (BAR + GAP) + 70
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
             text(0, 18, "Predicted time of a training step, 4 machines x 8 PCIe GPUs, top-8 of 64 experts", weight="bold", size=14)]
    for i, variant in enumerate(variants):
        y, x = TOP + i * (BAR + GAP), float(LEFT)
        parts.append(text(LEFT - 8, y + BAR / 2 + 5, variant["name"], anchor="end"))
        times = grouped(variant)
        for name, _, colour in GROUPS:
            width = times[name] * scale
            if width > 0:
                parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"><title>{escape(name)}: {times[name] * 1e3:.1f} ms</title></rect>')
                x += width
        label = f"{variant['step_time_s']:.2f} s" + (f"  ({variant['speedup']:.2f}x)" if i else "")
        parts.append(text(x + 8, y + BAR / 2 + 5, label))
    y, x = TOP + len(variants) * (BAR + GAP) + 14, float(LEFT)
    for name, _, colour in GROUPS:
        if not any(grouped(variant)[name] > 0 for variant in variants):
            continue
        if x > WIDTH - 200:
            x, y = float(LEFT), y + 22
        parts.append(f'<rect x="{x:.1f}" y="{y - 11}" width="12" height="12" fill="{colour}"/>')
        parts.append(text(x + 17, y, name))
        x += 32 + 7.2 * len(name)
    print("\n".join(parts + ["</svg>"]))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Fits `overlap.bf16`: what a matrix product and a communication kernel beside it cost each other.

Input: the rows of `moesim-bench overlap` (a product beside a copy that holds n multiprocessors). Only rows with as many
multiprocessors as channels of NCCL (4 to 16) count; beyond, the copy is limited by the device's memory, which no
collective is. The law, t being the time of the product alone:

    product beside a collective takes   t (1 + (doubling_s / t)^power)    (an extra wave costs a long product less)
    copy beside a product takes         communication_slowdown times as long

Least squares in the logarithm, by search; cross-validated by leaving out one product shape at a time.
"""
import argparse
import csv
import math
import statistics

LEAST, MOST = 4, 16


def read(path):
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            channels = int(row["copy_multiprocessors"])
            if LEAST <= channels <= MOST:
                alone, beside = (float(row[f"gemm_{how}_us"]) * 1e-6 for how in ("alone", "beside"))
                yield {"shape": (row["m"], row["n"], row["k"]), "alone": alone, "compute": beside / alone,
                       "copy": float(row["copy_alone_GBps"]) / float(row["copy_beside_GBps"])}


def slowdown(law, time):
    return 1 + (law[0] / time) ** law[1]


def fit(rows):
    """Shrinking grid over ln doubling_s and power."""
    def badness(law):
        return sum(math.log(row["compute"] / slowdown(law, row["alone"])) ** 2 for row in rows)

    best, width = (1e-5, 0.5), (4.0, 0.45)
    for _ in range(12):
        grid = [(best[0] * math.exp(width[0] * i / 10), max(best[1] + width[1] * j / 10, 1e-3))
                for i in range(-10, 11) for j in range(-10, 11)]
        best, width = min(grid, key=badness), (width[0] / 2, width[1] / 2)
    return best


def copy_factor(rows):
    return math.exp(statistics.mean(math.log(row["copy"]) for row in rows))


def quantile(values, share):
    values = sorted(values)
    return values[min(math.ceil(share * len(values)) - 1, len(values) - 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples")
    rows = list(read(parser.parse_args().samples))
    errors, logs, copies = [], [], []
    for shape in sorted({row["shape"] for row in rows}):
        rest = [row for row in rows if row["shape"] != shape]
        law, factor = fit(rest), copy_factor(rest)
        for row in rows:
            if row["shape"] == shape:
                ratio = row["compute"] / slowdown(law, row["alone"])
                errors.append(abs(ratio - 1))
                logs.append(abs(math.log(ratio)))
                copies.append(abs(row["copy"] / factor - 1))
    law = fit(rows)
    print(f"      communication_slowdown: {copy_factor(rows):.6g}\n      doubling_s: {law[0]:.6g}\n"
          f"      power: {law[1]:.6g}\n"
          f"    kernel_s: [{min(r['alone'] for r in rows):.6g}, {max(r['alone'] for r in rows):.6g}]\n"
          f"    spread of the product {quantile(logs, 0.9):.4g}\n"
          f"    samples {len(rows)}; product: median error {statistics.median(errors):.4g}, 90 % "
          f"{quantile(errors, 0.9):.4g}; copy: median {statistics.median(copies):.4g}, 90 % {quantile(copies, 0.9):.4g}")


if __name__ == "__main__":
    main()

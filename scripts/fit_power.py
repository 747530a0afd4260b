#!/usr/bin/env python3
"""Fits the law of sustained clocks (src/analytic/power.hpp) to products measured alone, between copies and between pauses.

    scripts/fit_power.py calibration/samples/h100_sxm_power.csv

Prints the coefficients of power.products and the errors of each sample when the law is fitted without it.
"""

import csv
import statistics
import sys

SHARES = [i / 100 for i in range(100)]


def slowdown(row, at_full, free):
    return 1 + at_full * max(0.0, row["duty"] - free) / (1 - free)


def fit(rows):
    at_full = statistics.median(row["slowdown"] - 1 for row in rows if row["duty"] == 1)

    def best(rest):
        beside = [row for row in rows if row["rest"] == rest]
        return min(SHARES, key=lambda free: sum((slowdown(row, at_full, free) - row["slowdown"]) ** 2 for row in beside))

    return {"slowdown_at_full": at_full, "copies": best("copies"), "pauses": best("pauses")}


def predicted(row, law):
    return slowdown(row, law["slowdown_at_full"], law.get(row["rest"], 0.0))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows:
        row["duty"] = float(row["duty"])
        row["slowdown"] = float(row["alone_tflops"]) / float(row["tflops"])
    law = fit(rows)
    print(f"slowdown_at_full: {law['slowdown_at_full']:.3f}\nfree_beside_memory: {law['copies']:.2f}\nfree_beside_idle: {law['pauses']:.2f}")
    errors = sorted(abs(row["slowdown"] / predicted(row, fit([r for r in rows if r is not row])) - 1) for row in rows)
    print(f"{len(rows)} samples, each left out in turn: median {100 * statistics.median(errors):.2f} %, "
          f"90th percentile {100 * errors[int(0.9 * (len(errors) - 1))]:.2f} %")


if __name__ == "__main__":
    main()

#!/usr/bin/env bash
# Fits calibration/h100_sxm.yaml from our samples. usage: scripts/calibrate_h100.sh [PROGRAM]
# Its last two laws, overlap.bf16 and power.products, are fitted by scripts/fit_overlap.py and fit_power.py: append them again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec "${1:-build/release/bin/moesim}" calibrate calibration/samples/h100_sxm_torch.csv --device h100_sxm \
  --base calibration/h200_sxm.yaml --config-root . --source "measured by scripts/bench_torch.py" --license Apache-2.0 \
  --hardware "NVIDIA H100 80GB HBM3, 700 W, driver 580.159, CUDA 13.0, torch 2.11, cuDNN 9.19; cold cache" \
  --date "${MOESIM_DATE:-2026-11-24}" -o calibration/h100_sxm.yaml

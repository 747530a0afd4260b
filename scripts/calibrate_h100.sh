#!/usr/bin/env bash
# Fits calibration/h100_sxm.yaml from our samples. usage: scripts/calibrate_h100.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
samples=calibration/samples/h100_sxm
exec "${1:-build/release/bin/moesim}" calibrate ${samples}_torch.csv ${samples}_torch_warm.csv ${samples}_torch_long.csv ${samples}_overlap.csv ${samples}_power.csv ${samples}_power_collectives.csv \
  --device h100_sxm --base calibration/h200_sxm.yaml --config-root . \
  --source "measured by scripts/bench_torch.py (kernels), moesim-bench overlap, scripts/measure_power.py" --license Apache-2.0 \
  --hardware "NVIDIA H100 80GB HBM3, 700 W, driver 580.159, CUDA 13.0, torch 2.11, cuDNN 9.19; kernels with cold and with warm caches" \
  --date "${MOESIM_DATE:-2026-11-28}" -o calibration/h100_sxm.yaml

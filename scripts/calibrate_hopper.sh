#!/usr/bin/env bash
# Fits calibration/h100_sxm.yaml and calibration/h200_sxm.yaml from our samples. usage: scripts/calibrate_hopper.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=${1:-build/release/bin/moesim}

calibrate() { # DEVICE BASE HARDWARE SAMPLES...: laws without samples are BASE's
  local device=$1 base=$2 hardware=$3
  shift 3
  "$program" calibrate "${@/#/calibration/samples/${device}_}" --device "$device" --base "calibration/$base.yaml" --config-root . \
    --source "measured by scripts/bench_torch.py (kernels), bench_chains.py, overlap_collectives.py, measure_power.py" --license Apache-2.0 \
    --hardware "$hardware, 700 W, driver 580.159, CUDA 13.0, torch 2.11, cuDNN 9.19, NCCL 2.28.9; kernels with cold and with warm caches" \
    --date "${MOESIM_DATE:-2026-11-28}" -o "calibration/$device.yaml"
}

calibrate h100_sxm h200_sxm "NVIDIA H100 80GB HBM3" torch.csv torch_warm.csv torch_long.csv chains.csv overlap_nccl.csv power.csv power_collectives.csv
calibrate h200_sxm h100_sxm "NVIDIA H200" torch.csv torch_warm.csv chains.csv overlap_nccl.csv power.csv power_collectives.csv

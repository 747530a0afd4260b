#!/usr/bin/env bash
# Makes the figures of README.md and docs/ again, each from the command that its caption names.
#
# usage: scripts/figures.sh [PROGRAM] [RENDERER] [NAME]     (default: build/release/bin/moesim, build/figures, all)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

moesim=${1:-build/release/bin/moesim}
renderer=${2:-build/figures}
only=${3:-}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# figure NAME "COMMAND" PLOT_OPTIONS...      what the command writes with -o, or with the option that it ends in
figure() {
  local name=$1 command=$2 file output=
  shift 2
  [[ -z $only || $only == "$name" ]] || return 0
  file=$results/$name
  [[ $command == *--trace || $command == *--residuals ]] || output=-o
  # shellcheck disable=SC2086 # a command is several words
  "$moesim" $command $output "$file" --config-root . >/dev/null 2>&1 || [ $? -eq 3 ] # 3: validate, out of tolerance
  "$moesim" plot "$file" "$@" --config-root . --renderer "$renderer" -o "docs/figures/$name.svg"
}
figure paper_training "compare paper_training --format json"
figure explain_bigmac "explain paper_training --variant bigmac --format json"
figure validation "validate --format json"
figure network_bandwidth "sweep network_bandwidth" --x cluster.nic.bandwidth_Bps
figure routed_experts "sweep routed_experts"
figure roofline_deepseek "predict deepseek_moe_16b_h100 --format json" --figure roofline
figure expert_load_skewed "predict paper_skewed --format json" --figure expert_load
figure residuals_attention "calibrate calibration/samples/h100_sxm_torch.csv calibration/samples/h100_sxm_torch_long.csv --device h100_sxm --residuals" \
  --where law=attention.backward.bf16
figure search_paper "search paper_training --gpus 8,16,32 --pareto --format json"
skewed="predict paper_skewed --variant bigmac --engine flow --trace"
figure timeline_skewed "$skewed" --where rank=0 --where rank=3 --where from=400ms --where to=450ms
figure links_skewed "$skewed" --figure links --where from=400ms --where to=500ms

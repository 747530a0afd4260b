#!/usr/bin/env bash
# First run: installs what the program needs (scripts/setup.sh), builds it, and compares fine-grained experts with BigMac's
# on the paper's cluster. Standard output is the comparison alone; all else goes to standard error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh build >&2
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
cmake --preset release --log-level=WARNING >&2
cmake --build --preset release --target moesim >&2
exec build/release/bin/moesim compare configs/scenarios/paper_training.yaml

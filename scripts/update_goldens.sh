#!/usr/bin/env bash
# Writes tests/golden/*.txt anew from the shipped scenarios. usage: scripts/update_goldens.sh [PROGRAM]
# Look at `git diff tests/golden` before committing: every changed number needs a reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=${1:-build/release/bin/moesim}
if [ ! -x "$program" ]; then
  echo "update_goldens.sh: $program is not there (build it: cmake --workflow --preset release, or name another)" >&2
  exit 2
fi
for scenario in configs/scenarios/*.yaml; do
  python3 tests/golden/golden.py update "$program" "$scenario" "tests/golden/$(basename "$scenario" .yaml).txt"
  echo "tests/golden/$(basename "$scenario" .yaml).txt"
done

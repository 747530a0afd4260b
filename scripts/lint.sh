#!/usr/bin/env bash
# Format (clang-format 14) and lint (clang-tidy 14) of our own code. Exits 1 on any finding.
#
# usage: scripts/lint.sh [--fix] [--tests]
#   --fix    format in place instead of complaining
#   --tests  clang-tidy also on tests/ (twice the time)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

format=(--dry-run --Werror)
folders=(src)
for option in "$@"; do
  case "$option" in
    --fix) format=(-i) ;;
    --tests) folders=(src tests) ;;
    *)
      echo "lint.sh: unknown option '$option' (one of: --fix, --tests)" >&2
      exit 2
      ;;
  esac
done

status=0
find include src tests \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 clang-format-14 "${format[@]}" || status=1
[ $status -eq 0 ] && echo "clang-format: clean"

cmake --preset dev --log-level=WARNING >/dev/null
python3 scripts/clang_tidy.py build/dev "${folders[@]}" || status=1
exit $status

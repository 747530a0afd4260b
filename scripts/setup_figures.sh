#!/usr/bin/env bash
# Installs what `moesim plot` draws with into build/figures: vl-convert (Vega-Lite with its own JavaScript engine, no
# browser) from PyPI in an environment of its own, and the scripts that a self-contained page needs. Where it is there
# already it does nothing. Everything else of moesim works without it.
#
# usage: scripts/setup_figures.sh [FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=1.9.0.post1 # pinned: pictures stay the same
folder=${1:-build/figures}
mkdir -p "$folder"
install --mode=644 scripts/render_figure.py "$folder/render_figure.py"
[ "$(cat "$folder/version" 2>/dev/null)" = "$version" ] && exit 0

echo "setup_figures.sh: installing vl-convert-python $version into $folder" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { python3 -m venv "$folder" && "$folder/bin/python3" -m pip install --quiet --disable-pip-version-check "vl-convert-python==$version" &&
  "$folder/bin/python3" "$folder/render_figure.py" --scripts "$folder/vega.js"; } </dev/null >"$log" 2>&1; then
  cat "$log" >&2
  echo "setup_figures.sh: the renderer of figures is not installed: moesim plot writes specifications only" >&2
  exit 1
fi
echo "$version" >"$folder/version"

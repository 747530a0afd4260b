#!/usr/bin/env bash
# Installs the Debian 12 packages that moesim needs, where they are missing. Asks for nothing; where all is there it does
# nothing. Without root it prints the command that root would have to run, and exits 1.
#
# usage: scripts/setup.sh [build | figures | test | all]
#   build    what the program needs (default)
#   figures  and what draws figures (moesim plot)
#   test     and what the tests, the linters and the fuzz targets need
#   all      and what developers like to have: coverage and API documentation
set -euo pipefail

build=(g++ cmake ninja-build git libfmt-dev libyaml-cpp-dev libboost-graph-dev libeigen3-dev libcli11-dev nlohmann-json3-dev)
figures=(python3 python3-venv)
test=(chromium clang clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev libgtest-dev libgmock-dev librapidcheck-dev
  libbenchmark-dev libopenmpi-dev openmpi-bin procps python3 ccache mold)
developer=(gcovr doxygen)

case "${1:-build}" in
  build) wanted=("${build[@]}") ;;
  figures) wanted=("${build[@]}" "${figures[@]}") ;;
  test) wanted=("${build[@]}" "${figures[@]}" "${test[@]}") ;;
  all) wanted=("${build[@]}" "${figures[@]}" "${test[@]}" "${developer[@]}") ;;
  *)
    echo "setup.sh: unknown group '$1' (one of: build, figures, test, all)" >&2
    exit 2
    ;;
esac

# The renderer is no Debian package. Tests that need it are skipped where it cannot be had, and say so.
finish() {
  [ "$1" = build ] || "$(dirname "${BASH_SOURCE[0]}")/setup_figures.sh" || [ "$1" = test ] || exit 1
  exit 0
}

if ! command -v apt-get >/dev/null; then
  echo "setup.sh: not a Debian system, nothing installed; needed are what Debian 12 calls: ${wanted[*]}" >&2
  exit 0 # CMake names what it misses, if anything
fi

# Listed with their status, so that a package that was removed but left its configuration counts as missing.
installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep --quiet --line-regexp --fixed-strings "installed $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && finish "${1:-build}"

if [ "$(id -u)" -ne 0 ]; then
  echo "setup.sh: missing packages, and not root to install them. Run:" >&2
  echo "  sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

echo "setup.sh: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update --quiet=2 && apt-get install --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}"; } \
  </dev/null >"$log" 2>&1; then
  cat "$log" >&2
  echo "setup.sh: apt-get could not install: ${missing[*]}" >&2
  exit 1
fi
finish "${1:-build}"

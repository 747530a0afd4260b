#!/usr/bin/env bash
# Everything that must hold before a change goes in: format and lint, all tests (g++), each public header compiled alone,
# all tests again under the address and undefined-behaviour sanitizers (clang), and a short run of each fuzz target.
# Goes on after a failed step, so that one run shows all; exits 1 if any failed. The last lines sum up.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh test || exit 1
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(nproc)}
export CMAKE_COLOR_DIAGNOSTICS=${CMAKE_COLOR_DIAGNOSTICS:-OFF}

summary=()
failed=0
# step NAME COMMAND...: runs it, keeps its verdict, its time and, of a test run, the line that counts the tests.
step() {
  local name=$1 begin=$SECONDS verdict=passed counted
  shift
  printf '\n=== %s\n' "$name"
  "$@" 2>&1 | tee build/step.log || { verdict=FAILED failed=$((failed + 1)); }
  counted=$(grep --extended-regexp '^[0-9]+% tests passed|^clang-tidy: ' build/step.log | tail -n 1)
  summary+=("$(printf '%-28s %s in %d s%s' "$name" "$verdict" $((SECONDS - begin)) "${counted:+ ($counted)}")")
  [ $verdict = passed ]
}
build() { cmake --preset "$@" --log-level=WARNING && cmake --build --preset "$1"; }

mkdir -p build
step "lint" scripts/lint.sh
# Of the debug information, which takes a third of g++'s time, the lines that a backtrace names.
step "build (g++)" build dev -DMOESIM_UNITY_TESTS=ON "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -g1 -DNDEBUG" &&
  step "tests (g++)" ctest --preset dev
step "public headers alone" cmake --build --preset dev --target all_verify_interface_header_sets
if command -v nvcc >/dev/null; then
  build_bench() { cmake --preset cuda --log-level=WARNING && cmake --build --preset cuda --target moesim-bench; }
  step "moesim-bench (CUDA)" build_bench
else
  echo "no nvcc here: moesim-bench is not built, only what it needs no GPU for"
fi
# Several sources at a time: the build above has shown that each of src/ stands alone.
step "build (clang, sanitizers)" build fuzz -DCMAKE_UNITY_BUILD=ON &&
  step "tests (sanitizers) and fuzz" ctest --preset fuzz

printf '\n'
printf '%s\n' "${summary[@]}"
if [ $failed -ne 0 ]; then
  echo "test.sh: $failed of ${#summary[@]} steps FAILED after $SECONDS s"
  exit 1
fi
echo "test.sh: all ${#summary[@]} steps passed in $SECONDS s"

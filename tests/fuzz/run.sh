#!/usr/bin/env bash
# Fuzzes every target for so many seconds, two at a time: tests/fuzz/run.sh 60. Prints how much each has run.
# A long run: tests/fuzz/run.sh 600 1 takes them one at a time; names behind that choose. Whoever starves it, with `nice` or
# another load, sees timeouts that no input makes.
# A crash ends it with exit code 1 and leaves its input in tests/fuzz/artifacts; what was found interesting is kept in
# the cache, so that the next run starts where this one ended.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?"for how many seconds? such as: $0 60"}
at_once=${2:-2}
targets=("${@:3}")
cache="${THALAMUS_CACHE:-$HOME/.cache/thalamus}"
fuzz="$(../../.ci/tool cargo-fuzz 0.13.2)"
# Coverage needs flags that stable compilers hide. No sanitizer: the crate forbids unsafe code, and without one the
# targets run several times as often.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$cache/fuzz/target"
# The same versions as the program's.
cp ../../Cargo.lock Cargo.lock
flags=(--fuzz-dir . --sanitizer none --debug-assertions)
logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT

"$fuzz" build "${flags[@]}"

one() {
  mkdir -p "$cache/fuzz/corpus/$1"
  "$fuzz" run "${flags[@]}" "$1" "$cache/fuzz/corpus/$1" -- -dict=words.dict -max_total_time="$seconds" \
    -max_len=4096 -timeout=60 -rss_limit_mb=1024 -print_final_stats=1 >"$logs/$1" 2>&1
}

report() {
  if wait "$2"; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$1")
    printf 'fuzz %-13s %12d runs in %d s, no crash\n' "$1" "$runs" "$seconds"
  else
    tail -n 60 "$logs/$1"
    printf 'fuzz %-13s FAILED\n' "$1"
    failed=1
  fi
}

failed=0
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <("$fuzz" list --fuzz-dir .)
for ((i = 0; i < ${#targets[@]}; i += at_once)); do
  group=("${targets[@]:i:at_once}")
  pids=()
  for target in "${group[@]}"; do
    one "$target" &
    pids+=($!)
  done
  for j in "${!group[@]}"; do
    report "${group[j]}" "${pids[j]}"
  done
done
exit "$failed"

#!/usr/bin/env bash
# The fuzz targets: run.sh BUILD [TIME [AT_ONCE]]. With a time (30s, 2m) each of them runs for so long: fuzz_calls, and
# every Fuzz function of the Go packages, two or AT_ONCE at a time. Without, fuzz_calls runs its corpus and ten seconds
# of mutation.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PWD/tools/bin:$PATH
build=${1:?usage: run.sh BUILD [TIME [AT_ONCE]]} time=${2:-} at_once=${3:-2}
mkdir -p "$build/fuzz"

case $time in
  *m) seconds=$((${time%m} * 60)) ;;
  '') seconds=10 ;;
  *) seconds=${time%s} ;;
esac
fuzz_calls() {
  echo "== fuzz_calls, $seconds s"
  "$build/strict/fuzz/fuzz_calls" --seconds "$seconds" --last "$build/fuzz/last" tests/fuzz/corpus ||
    { echo "the input is above and in $build/fuzz/last" >&2; return 1; }
}
[ -n "$time" ] || { fuzz_calls; exit; }

fuzz() { # FILE FUNCTION
  local name=$2 package
  package=./$(dirname "$1")
  # Go may call the end of the time a failure of the input that runs then; a real one comes with its input.
  go test -run '^$' -fuzz "^$name\$" -fuzztime "${seconds}s" -parallel 1 "$package" </dev/null >"$build/fuzz/$name.log" 2>&1 ||
    { grep -q 'context deadline exceeded' "$build/fuzz/$name.log" && ! grep -q 'Failing input' "$build/fuzz/$name.log"; } ||
    { cat "$build/fuzz/$name.log"; echo "== $name of $package FAILED"; return 1; }
  echo "== $name of $package, $seconds s: $(grep -c . "$build/fuzz/$name.log") lines in $build/fuzz/$name.log, the last: $(tail -1 "$build/fuzz/$name.log")"
}
export -f fuzz fuzz_calls
export build seconds
# Each with one worker.
{
  echo fuzz_calls
  grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' core capi | sed -E 's/^([^:]*):[0-9]*:func (.*)/fuzz \1 \2/'
} | xargs -P "$at_once" -L 1 bash -c '"$@"' run

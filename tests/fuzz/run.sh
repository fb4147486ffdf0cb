#!/usr/bin/env bash
# The fuzz targets: run.sh BUILD [TIME]. With a time (30s, 2m) each of them runs for so long: fuzz_calls, and every
# Fuzz function of the Go packages. Without, fuzz_calls runs its corpus and ten seconds of mutation.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: run.sh BUILD [TIME]} time=${2:-}
mkdir -p "$build/fuzz"

case $time in
  *m) seconds=$((${time%m} * 60)) ;;
  '') seconds=10 ;;
  *) seconds=${time%s} ;;
esac
echo "== fuzz_calls, $seconds s"
"$build/strict/fuzz/fuzz_calls" --seconds "$seconds" --last "$build/fuzz/last" tests/fuzz/corpus ||
  { echo "the input is above and in $build/fuzz/last" >&2; exit 1; }
[ -n "$time" ] || exit 0

grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' core capi | while IFS=: read -r file _ function; do
  name=${function#func }
  echo "== $name of $(dirname "$file"), $seconds s"
  # Go may call the end of the time a failure of the input that runs then; a real one comes with its input.
  go test -run '^$' -fuzz "^$name\$" -fuzztime "${seconds}s" "./$(dirname "$file")" </dev/null 2>&1 | tee "$build/fuzz/$name.log" ||
    { grep -q 'context deadline exceeded' "$build/fuzz/$name.log" && ! grep -q 'Failing input' "$build/fuzz/$name.log"; }
done

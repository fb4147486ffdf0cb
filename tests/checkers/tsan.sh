#!/usr/bin/env bash
# Runs a host under ThreadSanitizer, which must find no race in it, and the same with a race, which it must find: tsan.sh BUILD.
set -u
build=${1:?usage: tsan.sh BUILD}
export TSAN_OPTIONS="exitcode=66 halt_on_error=1"
timeout 120 "$build/tsan/host" || { echo "FAIL a race is seen where there is none" >&2; exit 1; }
output=$(timeout 120 "$build/tsan/race" 2>&1)
status=$?
[ $status = 66 ] || { echo "$output"; echo "FAIL the race that there is was not seen (exit status $status)" >&2; exit 1; }
echo "ok   a host under ThreadSanitizer"

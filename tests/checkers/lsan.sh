#!/usr/bin/env bash
# Runs a host under LeakSanitizer, which must find nothing however the program ends, and the same with a leak, which it
# must find: lsan.sh BUILD.
set -u
build=${1:?usage: lsan.sh BUILD}
for way in shutdown loop open; do
  output=$(timeout 120 "$build/lsan/host" "$way" 2>&1) ||
    { echo "$output"; echo "FAIL a leak is seen where there is none ($way)" >&2; exit 1; }
done
output=$(timeout 120 "$build/lsan/host" lost 2>&1)
[ $? -ne 0 ] && grep -q '1234 byte(s) leaked in 1 allocation(s)' <<<"$output" ||
  { echo "$output"; echo 'FAIL the leak that there is was not seen, or not alone' >&2; exit 1; }
echo "ok   a host under LeakSanitizer"

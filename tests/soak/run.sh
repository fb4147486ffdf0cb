#!/usr/bin/env bash
# The soak programs: run.sh BUILD short|full SECONDS, the seconds being those of random_ops. Each program has its own
# deadlines; the one here is for a program that has lost them.
set -u
build=${1:?usage: run.sh BUILD short|full SECONDS} length=${2:-short} seconds=${3:-30}
failed=0

run() { # PROGRAM ARGUMENT...
  local began=$SECONDS
  echo "== $*"
  if timeout -k 10 "$((seconds + 900))" "$build/$@"; then
    echo "== passed in $((SECONDS - began)) s"
  else
    echo "== FAILED: exit status $?"
    failed=$((failed + 1))
  fi
}

if [ "$length" = full ]; then
  run soak/connections 10000
  run soak/accept_storm 1000
  run soak/churn 100000
  run soak/exit_with_traffic 40
  run soak/contention 50000 200
  run soak/random_ops --seconds "$seconds"
  run strict/soak/random_ops --seconds "$((seconds / 3 + 1))"
else
  # Beside other work a time of 200 us means nothing; the bound here is for a lock that is held much too long.
  run soak/connections 10000
  run soak/accept_storm 500
  run soak/churn 10000
  run soak/exit_with_traffic 40
  run soak/contention 20000 5000
  run soak/random_ops --seconds "$seconds"
  run strict/soak/random_ops --seconds "$((seconds / 3 + 1))"
fi
[ "$failed" -eq 0 ] || { echo "$failed soak programs failed" >&2; exit 1; }

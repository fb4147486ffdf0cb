#!/usr/bin/env bash
# The soak programs: run.sh BUILD short|full SECONDS, the seconds being those of random_ops, with and without the address
# sanitizer. Each program has its own deadlines; the one here is for a program that has lost them.
#
# What a program does depends on its arguments only, and with random_ops on the seed that it prints: a failure says
# how to run the same again.
set -uo pipefail
build=${1:?usage: run.sh BUILD short|full SECONDS} length=${2:-short} seconds=${3:-30}
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT

# What failed is said again at the end, where one looks first.
run() { # PROGRAM ARGUMENT...
  local began=$SECONDS status=0 said=$output/${1//\//_}
  echo "== $*"
  timeout -k 10 "$((seconds + 900))" "$build/$@" 2>&1 | tee "$said" || status=${PIPESTATUS[0]}
  if [ "$status" -eq 0 ]; then
    echo "== passed in $((SECONDS - began)) s"
  else
    echo "== FAILED: exit status $status; repeat it with: $build/$*"
    { echo "failed with exit status $status: $build/$*"; tail -n 8 "$said"; } >>"$output/failed"
  fi
}

case $length in
  full) clients=1000 opened=100000 sends=50000 bound=200 attack=2000 polite=10000 ;;
  # Beside other work a time of 200 us means nothing; the bounds here are for a lock that is held much too long, and
  # for clients that are not served while an attack lasts.
  short) clients=500 opened=40000 sends=20000 bound=5000 attack=400 polite=1000000 ;;
  *) echo "usage: run.sh BUILD short|full SECONDS" >&2; exit 2 ;;
esac
run soak/connections 10000
run soak/accept_storm "$clients"
run soak/churn "$opened"
run soak/exit_with_traffic 40
run soak/contention "$sends" "$bound"
run soak/hostile "$attack" "$polite"
# Both at once: each uses one processor.
run strict/soak/random_ops --seconds "$seconds" >"$output/strict" 2>&1 &
run soak/random_ops --seconds "$seconds"
wait $!
cat "$output/strict"
if [ -e "$output/failed" ]; then
  cat "$output/failed" >&2
  exit 1
fi

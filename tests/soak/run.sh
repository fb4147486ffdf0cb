#!/usr/bin/env bash
# The soak programs: run.sh BUILD short|full SECONDS, the seconds being those of random_ops. Each program has its own
# deadlines; the one here is for a program that has lost them.
#
# What a program does depends on its arguments only, and with random_ops on the seed that it prints: a failure says
# how to run the same again.
set -u
build=${1:?usage: run.sh BUILD short|full SECONDS} length=${2:-short} seconds=${3:-30}
failed=()

run() { # PROGRAM ARGUMENT...
  local began=$SECONDS
  echo "== $*"
  if timeout -k 10 "$((seconds + 900))" "$build/$@"; then
    echo "== passed in $((SECONDS - began)) s"
  else
    echo "== FAILED: exit status $?; repeat it with: $build/$*"
    failed+=("$build/$*")
    return 1
  fi
}

case $length in
  full) clients=1000 opened=100000 sends=50000 bound=200 ;;
  # Beside other work a time of 200 us means nothing; the bound here is for a lock that is held much too long.
  short) clients=500 opened=40000 sends=20000 bound=5000 ;;
  *) echo "usage: run.sh BUILD short|full SECONDS" >&2; exit 2 ;;
esac
run soak/connections 10000
run soak/accept_storm "$clients"
run soak/churn "$opened"
run soak/exit_with_traffic 40
run soak/contention "$sends" "$bound"
# Both at once: each uses one processor.
strict=$(mktemp)
run strict/soak/random_ops --seconds "$((seconds / 3 + 1))" >"$strict" 2>&1 &
run soak/random_ops --seconds "$seconds"
wait $! || failed+=("$build/strict/soak/random_ops, see above")
cat "$strict"
rm -f "$strict"
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi

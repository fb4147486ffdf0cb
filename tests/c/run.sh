#!/usr/bin/env bash
# Runs all contract tests: run.sh BUILD. Two programs at a time, since most of what they do is waiting; what a
# program said is shown when it is done. The last line is "N passed, N failed".
set -u
build=${1:?usage: run.sh BUILD}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

run() {
    local name
    name=$(basename "$1")
    "$1" >"$2/$name" 2>&1
    echo "$?" >"$2/$name.status"
    # In one piece, so that two programs do not mix.
    { echo "== $name"; cat "$2/$name"; } >"$2/$name.shown"
    cat "$2/$name.shown"
}
export -f run

programs=()
for program in "$build"/tests/test_*; do # one whose source has gone may still be there
    [ ! -e "$(dirname "$0")/$(basename "$program").c" ] || programs+=("$program")
done
printf '%s\0' "${programs[@]}" | xargs -0 -P 2 -I{} bash -c 'run "$1" "$2"' _ {} "$logs"

passed=0 failed=0
for program in "${programs[@]}"; do
    summary=$(tail -n 1 "$logs/$(basename "$program")")
    if [[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    else
        name=$(basename "$program")
        echo "$name ended without a summary, exit status $(cat "$logs/$name.status"): $summary"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

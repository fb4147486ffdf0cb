#!/usr/bin/env bash
# The sources that the build replaces, for `go build -overlay`: tools/overlay.sh FOLDER [strict]
# Writes FOLDER/overlay.json, with "strict" FOLDER/strict.json, and beside it what is put in place of each source.
#
# A source that is not as expected is an error: a library without its replacement would build, and change its host's signals
# or limits. tests/abi_check.sh and tests/c look at the effect.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH=$root/tools/bin:$PATH
folder=$(mkdir -p "${1:?usage: tools/overlay.sh FOLDER [strict]}" && cd "$1" && pwd)
goroot=$(go env GOROOT)
version=$(go env GOVERSION)
entries=()

# unexpected FILE WHAT ADVICE
unexpected() {
  printf 'tools/overlay.sh: %s: %s %s.\n%s (docs/internals/building.md)\n' "$version" "$1" "$2" "$3" >&2
  exit 1
}

# replace SOURCE NAME SED...: what sed makes of the source takes its place. A file that has not changed keeps its time.
replace() {
  sed "${@:3}" "$1" >"$folder/$2.new"
  keep_or_move "$folder/$2"
  entries+=("$(quoted "$1"): $(quoted "$folder/$2")")
}

keep_or_move() { if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi; }

quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# compiled PACKAGE FILE ADVICE: that file is a part of that package on this machine.
compiled() {
  go list -f '{{range .GoFiles}}{{println .}}{{end}}' "$1" | grep -x "$2" >/dev/null ||
    unexpected "src/$1/$2" "is not a part of the package $1" "$3"
}

# runtime: the runtime unblocks a few signals on every thread that it sees, whatever the thread's mask was: among them
# SIGCHLD, SIGSTKFLT and the first real-time signal, which the runtime does not need and which a host may want to wait for
# (sigwait, signalfd) or to block for a moment. They are taken off the runtime's list; capi/glue.c has the rest.
replace_signal_table() {
  local source=$goroot/src/runtime/sigtab_linux_generic.go changed=$folder/sigtab left
  local needed='SIGBUS SIGFPE SIGILL SIGPROF SIGSEGV SIGTRAP signal 32 signal 33'
  local advice='Look for the table of signals in src/runtime, and for what has a thread unblock them (unblocksig)'
  compiled runtime sigtab_linux_generic.go "$advice"
  replace "$source" sigtab -E '/"(SIGCHLD|SIGSTKFLT|signal 34)[:"]/s/ \+ _SigUnblock//'
  [ "$(diff "$source" "$changed" | grep -c '^>')" -eq 3 ] ||
    unexpected "$source" 'does not have SIGCHLD, SIGSTKFLT and signal 34 with _SigUnblock, on a line each' "$advice"
  left=$(sed -nE '/_SigUnblock/s/[^"]*"?([^":]*).*/\1/p' "$changed" | sort | paste -sd' ')
  [ "$left" = "$needed" ] || unexpected "$source" "unblocks $left, not $needed" "$advice"
}

# syscall: Go raises the soft limit of open files when it starts, on a thread of its own while the host is already running.
# A host or a child that it starts must not see that; init is taken out.
replace_limit() {
  local source=$goroot/src/syscall/rlimit.go
  local advice='Look for what raises RLIMIT_NOFILE when a program starts, in src/syscall and src/os'
  compiled syscall rlimit.go "$advice"
  [ "$(grep -c '^func init() {' "$source")" -eq 1 ] || unexpected "$source" 'does not have one init' "$advice"
  sed -n '/^func init() {/,/^}/p' "$source" | grep 'setrlimit(RLIMIT_NOFILE,' >/dev/null ||
    unexpected "$source" 'has an init that does not raise RLIMIT_NOFILE' "$advice"
  replace "$source" rlimit '/^func init() {/,/^}/d'
}

# For fuzzing: without the recover() that keeps a panic of the library from ending its host. A defect must be seen there,
# not survived. Go skips a folder whose name begins with _: `go vet ./...` does not find these sources there.
replace_recovers() {
  local source name
  mkdir -p "$folder/_strict"
  while read -r source; do
    name=_strict/${source//\//_}
    replace "$root/$source" "$name" 's/recover() != nil/false/'
    ! grep -n 'recover()' "$folder/$name" ||
      unexpected "$source" 'has a recover() that is not "recover() != nil"' 'Write it so that the strict build can take it out'
  done < <(grep -rlF 'recover()' --include='*.go' --exclude='*_test.go' capi core)
}

overlay=$folder/overlay.json
replace_signal_table
replace_limit
if [ "${2-}" = strict ]; then
  overlay=$folder/strict.json
  replace_recovers
fi
{
  printf '{"Replace": {\n'
  printf '%s\n' "${entries[@]}" | sed '$!s/$/,/'
  printf '}}\n'
} >"$overlay.new"
keep_or_move "$overlay"

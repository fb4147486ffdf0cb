#!/usr/bin/env bash
# The example programs under valgrind, in conversation with each other: valgrind.sh BUILD, where BUILD/valgrind has
# them with a library built for valgrind. Any error of memcheck, and any descriptor of the library that is left
# open, is a failure.
set -u
folder=$(cd "$(dirname "$0")" && pwd)
programs=${1:?usage: valgrind.sh BUILD}/valgrind/examples
# Where the runtime interrupts a goroutine that has run for 10 ms it pushes a frame that memcheck takes for a write outside
# of the stack.
export GODEBUG=asyncpreemptoff=1
logs=$(mktemp -d)
seconds=60 pids=() # valgrind is some fifty times slower
trap 'for p in "${pids[@]}"; do kill -KILL "$p" 2>/dev/null; done; rm -rf "$logs"' EXIT

fail() {
  echo "FAIL $1" >&2
  tail -n 60 "$logs"/*.valgrind >&2
  exit 1
}

# check NAME: sets $command, to be followed by a program and its arguments.
check() {
  command=(valgrind --quiet --track-fds=yes --num-callers=30
    --suppressions="$folder/valgrind.supp" --log-file="$logs/$1.valgrind")
}

start() { # NAME PROGRAM HOST: sets $pid and $port
  rm -f "$logs/$1"
  mkfifo "$logs/$1"
  check "$1"
  "${command[@]}" "$programs/$2" "$3" 0 >"$logs/$1" 2>"$logs/$1.errors" &
  pid=$!
  pids+=("$pid")
  exec {out}<"$logs/$1"
  local line=
  until [[ $line == *'127.0.0.1'* ]]; do
    IFS= read -r -t "$seconds" -u "$out" line || fail "$1 does not listen"
  done
  port=${line##* }
}

stop() { # NAME
  kill -TERM "$pid"
  while IFS= read -r -t "$seconds" -u "$out" _; do :; done
  wait "$pid"
  local status=$?
  [ "$status" -eq 0 ] || fail "$1: exit status $status"
}

client() { # NAME PROGRAM ARGUMENT...
  local name=$1 program=$2
  shift 2
  check "$name"
  timeout "$seconds" "${command[@]}" "$programs/$program" "$@" <"${input:-/dev/null}" >"$logs/$name.output" ||
    fail "$name: exit status $?"
}

start server tcp_server 127.0.0.1
client client tcp_client 127.0.0.1 "$port"
grep -q 'Hello, client!' "$logs/client.output" || fail 'no answer'
stop server
start echo tcp_echo_server 127.0.0.1
client echo_client tcp_client 127.0.0.1 "$port" 'Is anybody there?'
grep -q 'Is anybody there?' "$logs/echo_client.output" || fail 'no echo'
stop echo
start peer udp_peer 127.0.0.1
client me udp_peer 127.0.0.1 0 127.0.0.1 "$port" 'Hello, peer!'
grep -q 'Well received' "$logs/me.output" || fail 'no answer'
stop peer
start records event_records 127.0.0.1
head -c 1048576 /dev/urandom >"$logs/sent"
input=$logs/sent client embed event_loop_embed 127.0.0.1 "$port"
cmp "$logs/sent" "$logs/embed.output" || fail 'other bytes came back'
stop records

# The log is looked at, not the exit status: from valgrind 3.24 on each open descriptor counts as an error, the inherited
# ones too. The descriptors are listed last; whatever stands before them is an error.
for log in "$logs"/*.valgrind; do
  if sed '/FILE DESCRIPTORS:/,$d' "$log" | grep -q '^==[0-9]*== *[^ ]'; then fail "an error in $(basename "$log")"; fi
  grep -q 'FILE DESCRIPTORS:' "$log" || fail "$(basename "$log") does not end with the open descriptors"
done
# Descriptors: sockets, epoll sets and eventfds are the library's; what the Go runtime opened for itself
# before the library began (cgroup files, its own epoll set) stays to the end of any Go program.
if grep -h -A12 'Open .*socket' "$logs"/*.valgrind | grep -q ohsocket; then fail 'a socket is left open'; fi
echo "$(ls "$logs"/*.valgrind | wc -l) programs under valgrind: no errors, no sockets left"

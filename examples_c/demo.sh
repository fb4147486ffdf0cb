#!/usr/bin/env bash
# Shows the library at work, and checks what it shows: bash examples_c/demo.sh [BUILD]
# Exits 1 at the first step that does not go as it should.
set -u

programs=${1:-build}/examples
seconds=10 # for any single thing to happen
folder=$(mktemp -d)
pids=()
passed=0
left_out=()

if [ -t 1 ]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
  bold='' green='' red='' dim='' plain=''
fi

clean_up() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

microseconds() { echo "${EPOCHREALTIME//[!0-9]/}"; }
milliseconds_since() { echo $((($(microseconds) - $1) / 1000)); }

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; step_began=$(microseconds); }
says() { printf '  %-8s %s\n' "$1" "$2"; }

pass() {
  passed=$((passed + 1))
  printf '  %s✓%s %-58s %s%4d ms%s\n' "$green" "$plain" "$1" "$dim" "$(milliseconds_since "$step_began")" "$plain"
}

# leave_out WHAT WHY: WHAT is for the last line.
leave_out() {
  left_out+=("$1")
  printf '  %s- left out: %s%s\n' "$dim" "$2" "$plain"
}

fail() {
  printf '  %s✗ %s%s\n' "$red" "$1" "$plain"
  cat "$folder"/*.errors 2>/dev/null
  exit 1
}

expect() { # WHAT ACTUAL WANTED
  [ "$2" = "$3" ] || fail "$1: expected \"$3\", got \"$2\""
}

# start NAME COMMAND...: runs a program and sets $pid and $out, a descriptor of what it prints.
start() {
  local name=$1
  shift
  rm -f "$folder/$name"
  mkfifo "$folder/$name"
  "$@" >"$folder/$name" 2>"$folder/$name.errors" </dev/null &
  pid=$!
  pids+=("$pid")
  exec {out}<"$folder/$name"
}

# hear OUT PATTERN: reads on until a line matches, and sets $line.
hear() {
  while IFS= read -r -t "$seconds" -u "$1" line; do
    # shellcheck disable=SC2053 # the right side is a pattern
    [[ $line == $2 ]] && return
  done
  fail "nobody said: $2"
}

# start_server NAME PROGRAM HOST: also sets $port.
start_server() {
  start "$1" "$programs/$2" "$3" 0
  hear "$out" 'listening *'
  port=${line##* }
  says "$1" "listens on $3 port $port"
}

# stop OUT PID: asks a server to end, and waits until it has.
stop() {
  local ended=0
  kill -TERM "$2"
  while [ "$ended" -eq 0 ]; do
    IFS= read -r -t "$seconds" -u "$1" _
    ended=$? # 1: the end of its output; more than 128: out of time
  done
  [ "$ended" -eq 1 ] || fail "the server did not end on SIGTERM"
  wait "$2" || fail "the server ended with exit status $?"
}

# run NAME COMMAND...: runs a program to its end and sets $reply and $status.
run() {
  local name=$1
  shift
  reply=$(timeout "$seconds" "$@" 2>"$folder/$name.errors")
  status=$?
}

tcp_conversation() { # HOST FAMILY
  start_server server tcp_server "$1"
  says client 'says "Hello, server!"'
  run client "$programs/tcp_client" "$1" "$port"
  expect 'exit status of the client' "$status" 0
  expect 'the answer' "$reply" 'Hello, client!'
  says client "heard \"$reply\""
  hear "$out" 'received message: *'
  expect 'the message' "${line#*: }" 'Hello, server!'
  hear "$out" 'received family: *'
  expect 'the family' "${line##* }" "$2"
  hear "$out" 'received port: *'
  from=${line##* }
  hear "$out" 'received size: *'
  expect 'the size' "${line##* }" 14
  says server "heard \"Hello, server!\" from port $from, 14 bytes"
  hear "$out" 'client 1 has ended'
  says server 'saw the client leave'
  stop "$out" "$pid"
}

has_ipv6() { grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; }

[ -x "$programs/tcp_server" ] || { echo "no programs in $programs: run make first" >&2; exit 1; }
began=$(microseconds)
printf '%slibohsocket at work%s\n' "$bold" "$plain"

heading 'A TCP client and a TCP server, IPv4'
tcp_conversation 127.0.0.1 IPv4
pass 'each heard the other, and the server ended cleanly'

heading 'The same over IPv6'
if has_ipv6; then
  tcp_conversation ::1 IPv6
  pass 'each heard the other, and the server ended cleanly'
else
  leave_out IPv6 'this machine has no address ::1'
fi

heading 'Nobody listens there any more'
run client "$programs/tcp_client" 127.0.0.1 "$port"
expect 'exit status of the client' "$status" 1
reply=$(<"$folder/client.errors")
[[ $reply == *'Connection refused'* ]] || fail "expected \"Connection refused\", got \"$reply\""
says client "$reply"
pass 'a failure has a name'

heading 'Two UDP peers'
start_server peer udp_peer 127.0.0.1
says me 'sends the datagram "Hello, peer!"'
run me "$programs/udp_peer" 127.0.0.1 0 127.0.0.1 "$port" 'Hello, peer!'
expect 'exit status' "$status" 0
hear "$out" '*Hello, peer!'
says peer "heard $line"
expect 'the reply' "$reply" "127.0.0.1 port $port (IPv4), 14 bytes: Well received."
says me "heard $reply"
stop "$out" "$pid"
pass 'one datagram each way'

heading 'Two members of a multicast group'
start first "$programs/multicast_peer" 239.255.77.1 0 lo
first=$out first_pid=$pid
hear "$first" 'listening *'
port=${line##* }
start second "$programs/multicast_peer" 239.255.77.1 "$port" lo
hear "$out" 'listening *'
says me 'says "Hello, group!"'
run me "$programs/multicast_peer" 239.255.77.1 "$port" lo 'Hello, group!'
expect 'exit status' "$status" 0
hear "$first" '*Hello, group!'
says first "heard $line"
hear "$out" '*Hello, group!'
says second "heard $line"
stop "$out" "$pid"
stop "$first" "$first_pid"
pass 'both heard it'

heading 'A poll(2) loop of a program, and a server without callbacks'
head -c 8388608 /dev/urandom >"$folder/sent"
start_server records event_records 127.0.0.1
says embed 'sends 8 MiB of noise'
timeout "$seconds" "$programs/event_loop_embed" 127.0.0.1 "$port" \
  <"$folder/sent" >"$folder/received" 2>"$folder/embed.errors" || fail "exit status $?"
cmp "$folder/sent" "$folder/received" || fail 'other bytes came back'
says records 'sent all of it back'
stop "$out" "$pid"
pass 'byte for byte the same'

heading 'A client of ours and a server of another make (socat)'
if command -v socat >/dev/null; then
  start socat bash -c 'exec socat -d -d TCP4-LISTEN:0,bind=127.0.0.1 PIPE 2>&1'
  hear "$out" '*listening on*'
  port=${line##*:}
  says socat "echoes on 127.0.0.1 port $port"
  says client 'says "Is anybody there?"'
  run client "$programs/tcp_client" 127.0.0.1 "$port" 'Is anybody there?'
  expect 'the echo' "$reply" 'Is anybody there?'
  says client "heard \"$reply\""
  wait "$pid" || fail "socat ended with exit status $?"
  pass 'the echo came back'
else
  leave_out socat 'socat is not installed'
fi

heading 'A client of another make (socat) and a server of ours'
if command -v socat >/dev/null; then
  start_server echo tcp_echo_server 127.0.0.1
  says socat 'says "Hello from socat"'
  run socat socat -t "$seconds" - "TCP4:127.0.0.1:$port" <<<'Hello from socat'
  expect 'the echo' "$reply" 'Hello from socat'
  says socat "heard \"$reply\""
  stop "$out" "$pid"
  pass 'the echo came back'
else
  leave_out socat 'socat is not installed'
fi

# tls_session: reads what a client has printed of its connection, and lets openssl read the certificate.
tls_session() {
  protocol=$(sed -n 's/^protocol: //p' <<<"$reply")
  suite=$(sed -n 's/^cipher suite: //p' <<<"$reply")
  alpn=$(sed -n 's/^application protocol: //p' <<<"$reply")
  answer=$(sed -n 's/^answer: //p' <<<"$reply")
  subject=$(openssl x509 -noout -subject <<<"$reply" 2>/dev/null) || fail 'no certificate was shown'
  says client "agreed on $protocol, $suite${alpn:+, $alpn}"
  says client "the server is ${subject#subject=}"
}

# start_openssl OPTION...: a server of openssl with a certificate for localhost, which the demo makes for itself.
start_openssl() {
  if [ ! -e "$folder/server.pem" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=A server for a minute' \
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/server.key" -out "$folder/server.pem" \
      2>/dev/null || fail 'openssl made no certificate'
    openssl req -x509 -newkey rsa:2048 -passout pass:secret -days 2 -subj '/CN=A client for a minute' \
      -keyout "$folder/client.key" -out "$folder/client.pem" 2>/dev/null || fail 'openssl made no certificate'
  fi
  start openssl sh -c 'cd "$0" && exec openssl s_server -accept 127.0.0.1:0 -cert server.pem -key server.key "$@" 2>&1' \
    "$folder" "$@"
  hear "$out" 'ACCEPT *'
  port=${line##*:}
  says openssl "listens on 127.0.0.1 port $port"
}

heading 'TLS: a client of ours verifies a server of another make (openssl s_server)'
if command -v openssl >/dev/null; then
  start_openssl -rev
  says client 'says "Hello, OpenSSL!"'
  run client "$programs/tls_one_way" localhost "$port" "$folder/server.pem" "$folder/client.pem" $'Hello, OpenSSL!\n'
  expect 'exit status of the client' "$status" 0
  tls_session
  expect 'the cipher suite' "$protocol $suite" 'TLSv1.2 AES256-SHA256'
  expect 'the answer' "$answer" '!LSSnepO ,olleH'
  says client "heard \"$answer\""
  pass 'encrypted, and the right server'

  heading 'TLS: the server asks for a certificate, too'
  start_openssl -rev -Verify 1 -CAfile client.pem -verify_return_error -alpn http/1.1
  export TLS_PASSWORD=secret
  run client "$programs/tls_two_way" localhost "$port" "$folder/client.key" "$folder/client.pem" "$folder/server.pem" \
    $'Hello, OpenSSL!\n'
  expect 'exit status of the client' "$status" 0
  tls_session
  expect 'what was agreed on' "$protocol $suite $alpn" 'TLSv1.2 AES256-SHA256 http/1.1'
  expect 'the answer' "$answer" '!LSSnepO ,olleH'
  hear "$out" 'Peer certificate: *'
  says openssl "knows the client: ${line#*: }"
  pass 'each has verified the other'

  heading 'TLS: somebody else says to be the server'
  run client "$programs/tls_one_way" localhost "$port" "$folder/client.pem" "$folder/client.pem"
  expect 'exit status of the client' "$status" 1
  reply=$(tail -n 1 "$folder/client.errors")
  [[ $reply == *'certificate verify failed'* ]] || fail "expected \"certificate verify failed\", got \"$reply\""
  says client "${reply#  }"
  pass 'a stranger hears nothing'

  heading 'HTTPS: a page'
  start_openssl -WWW -alpn http/1.1
  says https_get "gets https://localhost:$port/sent, 8 MiB"
  timeout "$seconds" "$programs/https_get" localhost "$port" /sent "$folder/server.pem" >"$folder/page" \
    2>"$folder/page.errors" || fail "exit status $?"
  cmp "$folder/sent" "$folder/page" || fail 'other bytes have come'
  says https_get "$(head -n 1 "$folder/page.errors")"
  pass 'byte for byte the same'

  heading 'TLS: a client of another make (openssl s_client) and a server of ours'
  start echo "$programs/tls_echo_server" 127.0.0.1 0 "$folder/server.pem" "$folder/server.key"
  hear "$out" 'listening *'
  echo_out=$out echo_pid=$pid
  mkfifo "$folder/said"
  start s_client sh -c 'exec openssl s_client -quiet -verify_return_error -CAfile "$1" -connect "$2" <"$3" 2>&1' sh \
    "$folder/server.pem" "localhost:${line##* }" "$folder/said"
  exec {said}>"$folder/said"
  says s_client 'says "Hello from OpenSSL"'
  echo 'Hello from OpenSSL' >&"$said"
  hear "$out" 'Hello from OpenSSL'
  says s_client "heard \"$line\""
  exec {said}>&-
  stop "$echo_out" "$echo_pid"
  pass 'the echo came back'
else
  leave_out 'TLS with openssl' 'openssl is not installed'
fi

printf '\n%s%d steps passed in %d ms' "$bold" "$passed" "$(milliseconds_since "$began")"
if [ "${#left_out[@]}" -gt 0 ]; then
  mapfile -t left_out < <(printf '%s\n' "${left_out[@]}" | uniq)
  printf '; left out:'
  printf ' %s,' "${left_out[@]}" | sed 's/,$//'
fi
printf '%s\n' "$plain"

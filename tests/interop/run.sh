#!/usr/bin/env bash
# The library against implementations that are not ours, socat and Python: run.sh BUILD. GIGABYTE=BYTES makes the large
# transfers smaller. The last line is "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ -d "${1-}" ] || { echo "usage: run.sh BUILD" >&2; exit 2; }
build=$(cd "$1" && pwd)
work=$build/interop
gigabyte=${GIGABYTE:-1073741824}
passed=0 failed=0
mkdir -p "$work"

compile() {
    gcc -std=gnu11 -O2 -g -Wall -Wextra -Werror -I"$here/../../include" "$here/$1.c" -o "$work/$1" -pthread "${@:2}" || exit 1
}
compile echo -L"$build" -lohsocket -Wl,-rpath,"$build"
compile dlopen_threads
echo_program=$work/echo
head -c 30000000 /dev/urandom >"$work/data"

# check NAME FUNCTION: runs it in a shell of its own, with a deadline; what it started ends with it.
check() {
    local start=$SECONDS
    if timeout -k 5 450 bash -c 'trap "kill \$(jobs -p) 2>/dev/null || true" EXIT; set -eu; "$1"' _ "$2" >"$work/log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok   $1 ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        echo "FAIL $1 ($((SECONDS - start)) s)"
        cat "$work/log"
    fi
}

# start COMMAND...: runs it in the background and leaves the port it prints in $port and its pid in $server.
start() {
    exec {output}< <(exec "$@")
    server=$!
    read -r -t 30 port <&"$output"
}

# start_socat ADDRESS...: the same for socat, which tells its port in its log.
start_socat() {
    local line
    exec {output}< <(exec socat -d -d "$@" 2>&1)
    server=$!
    while read -r -t 30 line <&"$output"; do
        [[ $line =~ listening\ on\ .*:([0-9]+)$ ]] && port=${BASH_REMATCH[1]} && return
    done
    return 1
}

python_to_our_server() {
    start "$echo_program" server
    python3 "$here/peer.py" tcp-client "$port" "$gigabyte"
    wait "$server"
}

python_to_our_record_server() {
    start "$echo_program" loop-server
    python3 "$here/peer.py" tcp-client "$port" "$gigabyte"
    wait "$server"
}

our_client_to_python() {
    start python3 "$here/peer.py" tcp-server "$gigabyte"
    "$echo_program" client "$port"
    wait "$server"
}

python_to_our_udp_server() {
    start "$echo_program" udp-server 500
    python3 "$here/peer.py" udp-client "$port" 500
    wait "$server"
}

our_udp_client_to_python() {
    start python3 "$here/peer.py" udp-server
    "$echo_program" udp-client "$port"
    kill "$server"
}

socat_to_our_server() {
    start "$echo_program" server
    socat -t 60 - "TCP4:127.0.0.1:$port" <"$work/data" >"$work/back"
    wait "$server"
    cmp "$work/data" "$work/back"
}

our_client_to_socat() {
    start_socat -t 60 "TCP4-LISTEN:0,bind=127.0.0.1" "OPEN:$work/data,rdonly!!CREATE:$work/back"
    "$echo_program" client "$port"
    wait "$server"
    cmp "$work/data" "$work/back"
}

socat_to_our_udp_server() {
    start "$echo_program" udp-server 3
    for text in one two three; do
        [ "$(printf %s "$text" | socat -t 1 - "UDP4:127.0.0.1:$port")" = "$text" ]
    done
    wait "$server"
}

our_udp_client_to_socat() {
    start_socat -b 65536 "UDP4-LISTEN:0,bind=127.0.0.1" PIPE
    "$echo_program" udp-client "$port"
    kill "$server"
}

threads_load_the_library() { "$work/dlopen_threads" "$build/libohsocket.so"; }

# hostile NAME: an example and clients that fill it, read nothing and reset.
hostile() { python3 "$here/hostile.py" "$build/examples/$1" 127.0.0.1 0; }

hostile_callbacks() { hostile tcp_echo_server; }

hostile_records() { hostile event_records; }

hostile_tls() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem"
    python3 "$here/hostile.py" --tls "$build/examples/tls_echo_server" 127.0.0.1 0 "$work/cert.pem" "$work/key.pem"
}

export here work gigabyte build echo_program
export -f start start_socat python_to_our_server python_to_our_record_server our_client_to_python \
    python_to_our_udp_server our_udp_client_to_python socat_to_our_server our_client_to_socat socat_to_our_udp_server \
    our_udp_client_to_socat threads_load_the_library hostile hostile_callbacks hostile_records hostile_tls

check "Python's TCP client and our server, $gigabyte bytes each way" python_to_our_server
check "Python's TCP client and our server on a record loop, $gigabyte bytes each way" python_to_our_record_server
check "our TCP client and Python's server, $gigabyte bytes each way" our_client_to_python
check "Python's UDP client and our server" python_to_our_udp_server
check "our UDP client and Python's server" our_udp_client_to_python
check "socat's TCP client and our server" socat_to_our_server
check "our TCP client and socat's server" our_client_to_socat
check "socat's UDP client and our server" socat_to_our_udp_server
check "our UDP client and socat's server" our_udp_client_to_socat
check "hostile clients and a server with callbacks" hostile_callbacks
check "hostile clients and a server with records" hostile_records
check "hostile clients and a TLS server" hostile_tls
check "several threads load the library at once with RTLD_LOCAL" threads_load_the_library

rm -f "$work/data" "$work/back"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

#!/usr/bin/env bash
# The tests of the Node package: test/run.sh BUILD [NODE...]
# All of them on the Node that is installed, and beside that those that depend on the version on the ones
# of test/versions; or all of them on the versions that are named, one after the other.
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"

export OHSOCKET_PACKAGE
OHSOCKET_PACKAGE=$(ls -t "$build"/node/ohsocket-*.tgz | head -n1)

../node_modules/.bin/tsc -p tsconfig.json

# What the addon, the event loop and the loader hook make of a version. The rest is plain JavaScript.
smoke=(./tcp.test.mjs ./tls.test.mjs ./process.test.mjs ./samples.test.mjs ./loader.test.mjs)

run() { # NODE TEST...
  local node=$1
  shift
  echo "==== node $("$node" --version)"
  # The programs that the tests start are those of this Node as well.
  # A failed test may leave a socket open, which would keep its process alive.
  PATH=$(dirname "$(command -v "$node")"):$PATH timeout 240 "$node" --expose-gc --test --test-reporter=dot "$@"
}

# What clients/ or versions/ name, into BUILD/node.
fetch_packages() {
  local folder=$build/node/$1
  mkdir -p "$folder"
  cmp -s "$1/package-lock.json" "$folder/package-lock.json" && return
  cp "$1/package.json" "$1/package-lock.json" "$folder/"
  (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null) ||
    { rm "$folder/package-lock.json"; exit 1; }
}

export OHSOCKET_CLIENTS=$build/node/clients
fetch_packages clients

if [ $# -gt 0 ]; then
  for node; do
    run "$node" ./*.test.mjs
  done
  exit
fi

versions=$build/node/versions
fetch_packages versions
(
  for node in "$versions"/node_modules/node*/bin/node; do
    run "$node" "${smoke[@]}" || exit
  done
) >"$versions/log" 2>&1 &
others=$!
status=0
run node ./*.test.mjs || status=$?
wait "$others" || status=$?
cat "$versions/log"
exit "$status"

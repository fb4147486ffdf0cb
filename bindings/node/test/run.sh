#!/usr/bin/env bash
# The tests of the Node package: test/run.sh BUILD [NODE...]
# On the Node that is installed and on the versions of test/versions; or on those that are named.
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"

export OHSOCKET_PACKAGE
OHSOCKET_PACKAGE=$(ls -t "$build"/node/ohsocket-*.tgz | head -n1)

../node_modules/.bin/tsc -p tsconfig.json

if [ $# -eq 0 ]; then
  mkdir -p "$build/node/versions"
  cp versions/package.json versions/package-lock.json "$build/node/versions/"
  (cd "$build/node/versions" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null)
  set -- node "$build"/node/versions/node_modules/node*/bin/node
fi

tests=(./*.test.mjs)
for node; do
  echo "==== node $("$node" --version)"
  # The programs that the tests start are those of this Node as well.
  PATH=$(dirname "$(command -v "$node")"):$PATH "$node" --expose-gc --test --test-reporter=dot "${tests[@]}"
  # What npm and the compiler make of the package is the same for all.
  tests=($(ls ./*.test.mjs | grep -v package))
done

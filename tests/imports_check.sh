#!/usr/bin/env bash
# docs/internals/architecture.md lists what each package of the library imports: the list has to be what the code imports, and
# a package may import only those that stand below it.
set -euo pipefail
cd "$(dirname "$0")/.."
document=docs/internals/architecture.md

imports() { go list -f '{{join .Imports "\n"}}' "./$1" | sed -n 's|^ohsocket/||p' | paste -sd' '; }

failed=0
listed=$(grep -oE '^- (capi|core/[a-z]+): .*' "$document" | cut -c3-)
order=$(cut -d: -f1 <<<"$listed")
packages=$(go list -f '{{.Dir}}' ./capi ./core/... | sed "s|^$PWD/||")
[ "$(sort <<<"$order")" = "$(sort <<<"$packages")" ] || { echo "$document does not list these packages:" $packages >&2; failed=1; }
while IFS=: read -r package wanted; do
  found=$(imports "$package")
  [ "$(xargs <<<"$wanted")" = "${found:-nothing}" ] || { echo "$document: $package imports: ${found:-nothing}" >&2; failed=1; }
  below=$(awk -v package="$package" 'seen { print } $0 == package { seen = 1 }' <<<"$order")
  for import in $found; do
    grep -qxF "$import" <<<"$below" || { echo "$package imports $import, which is not below it" >&2; failed=1; }
  done
done <<<"$listed"
exit "$failed"

#!/usr/bin/env bash
# docs/internals/architecture.md lists what each package of the library imports: the list has to be what the code imports, and
# a package may import only those that stand below it. Few import unsafe.
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

# Addresses are computed where bounds are checked: behind the types of these packages.
unsafe='core/(buffer|sys|tlsengine)/|capi/|core/netaddr/sockaddr\.go'
found=$(git ls-files 'core/*.go' 'capi/*.go' | grep -v '_test\.go$' | grep -vE "^($unsafe)" | xargs grep -lE '^(import )?\s*"unsafe"$' || true)
[ -z "$found" ] || { echo "unsafe is imported outside of $unsafe:" $found >&2; failed=1; }
exit "$failed"

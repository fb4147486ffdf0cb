#!/usr/bin/env bash
# THIRD_PARTY has the licence of all that is linked into the library: of each Go module, of Go, and the mention of OpenSSL.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/tools/bin:$PATH
failed=0

has_text() { # NAME FILE
  local missing
  missing=$(grep -v '^[[:space:]]*$' "$2" | grep -vxFf THIRD_PARTY || true)
  [ -z "$missing" ] || { printf 'THIRD_PARTY has not the licence of %s:\n%s\n' "$1" "$missing" >&2; failed=1; }
}

has_name() {
  grep -qF "$1" THIRD_PARTY || { echo "THIRD_PARTY does not name $1" >&2; failed=1; }
}

while read -r path folder; do
  has_name "$path"
  has_text "$path" "$folder/LICENSE"
done < <(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./capi | sort -u)
for package in $(go list -deps ./capi | sed -n 's|^vendor/||p'); do has_name "$package"; done
has_text Go "$(go env GOROOT)/LICENSE"
has_name OpenSSL
grep -q 'Apache License' LICENSE || { echo "LICENSE is not the text that THIRD_PARTY speaks of" >&2; failed=1; }
for changed in runtime/sigtab_linux_generic.go syscall/rlimit.go; do has_name "$changed"; done
exit "$failed"

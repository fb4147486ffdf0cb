#!/usr/bin/env bash
# Which Go builds the library, and what of Go is replaced: tests/toolchain/run.sh
# Without a network: tools/bin/go meets programs that act as Go, and a real Go whose proxy is a folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
wrapper=$root/tools/bin/go
wanted=$(sed -n 's/^go //p' go.mod)
real=$("$wrapper" env GOROOT)/bin/go
arch=$("$real" env GOHOSTARCH)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
toolchain=cache/ohsocket/go/golang.org/toolchain@v0.0.1-go$wanted.linux-$arch

fail() { echo "FAIL $test: $1" >&2; [ ! -e output ] || cat output >&2; exit 1; }
has() { grep -qF -- "$1" output || fail "expected \"$1\" in the output"; }
has_not() { ! grep -qF -- "$1" output || fail "did not expect \"$1\" in the output"; }

# run STATUS COMMAND...: in an environment without settings of this machine. The output is in the file output.
run() {
  local status=0
  env -i PATH="$PWD/bin:/usr/bin:/bin" HOME="$PWD/home" XDG_CACHE_HOME="$PWD/cache" GOENV=off GOTELEMETRY=off \
    "${settings[@]}" "${@:2}" >output 2>&1 || status=$?
  [ "$status" -eq "$1" ] || fail "exit status $status, expected $1"
}

# pretend VERSION [GOROOT]: bin/go acts as Go of that version. What it fetches is a folder without execute bits, with
# $fetches it fails with that. Every fetch leaves a line in fetches.
pretend() {
  mkdir -p bin
  cat >bin/go <<END
#!/bin/bash
case \$1 in
env | mod) [ -z "\${GOEXPERIMENT-}" ] || { echo "go: unknown GOEXPERIMENT \$GOEXPERIMENT"; exit 2; } ;;
esac
case \$1 in
env) printf '%s\n' "$1" "${2-/opt/go}" "\${GOMODCACHE-$PWD/modules}" "$arch" "\${GOFLAGS-}" "\${GOPROXY-https://proxy}" "\${GOSUMDB-sums}" ;;
mod)
  echo "\$* flags=\$GOFLAGS toolchain=\$GOTOOLCHAIN in \$PWD" >>'$PWD/fetches'
  [ ! -e '$PWD/refuse' ] || { cat '$PWD/refuse'; exit 1; }
  folder=\$GOMODCACHE/golang.org/\${4#golang.org/}
  mkdir -p \$folder/bin \$folder/pkg/tool/linux_$arch
  printf '#!/bin/sh\necho fetched "\$@" flags=\$GOFLAGS toolchain=\$GOTOOLCHAIN experiment=\$GOEXPERIMENT\n' >\$folder/bin/go
  cp \$folder/bin/go \$folder/bin/gofmt
  cp \$folder/bin/go \$folder/pkg/tool/linux_$arch/link ;;
*) echo "found \$* flags=\${GOFLAGS-} toolchain=\$GOTOOLCHAIN work=\$GOWORK cgo=\$CGO_ENABLED root=\${GOROOT-}" ;;
esac
END
  chmod +x bin/go
}

# ---- With programs that act as Go ---------------------------------------------------------------

a_go_that_is_new_enough_is_used() {
  local version
  for version in "go$wanted" go1.99.0 go1.99rc1 go2.0 'devel go1.99-0123abc' "go$wanted-X:nodwarf5"; do
    pretend "$version"
    run 0 "$wrapper" build .
    has 'found build .'
    [ ! -e fetches ] || fail "$version fetched another Go"
  done
}

an_older_go_fetches_once() {
  local version
  for version in '' go1.19.8 go1.25.9 "go${wanted%.*}rc1"; do
    rm -rf cache fetches
    pretend "$version"
    run 0 "$wrapper" build .
    has 'fetched build .'
    has "fetching Go $wanted"
    run 0 "$wrapper" vet
    has 'fetched vet'
    has_not 'fetching'
    [ "$(cat fetches)" = "mod download -json golang.org/toolchain@v0.0.1-go$wanted.linux-$arch flags=-modcacherw toolchain=local in /" ] ||
      fail "fetched by: $(cat fetches)"
    [ -x "$toolchain/pkg/tool/linux_$arch/link" ] || fail 'the tools cannot be executed'
  done
}

a_go_beneath_the_module_cache_is_not_used() {
  mkdir -p modules/toolchain elsewhere
  ln -s "$PWD/modules" elsewhere/link
  pretend go1.99.0 "$PWD/modules/toolchain"
  run 0 "$wrapper" build .
  has 'fetched build .'
  pretend go1.99.0 "$PWD/elsewhere/link/toolchain"
  run 0 "$wrapper" build .
  has 'fetched build .'
  pretend go1.99.0 "$PWD/modules-of-others/toolchain"
  run 0 "$wrapper" build .
  has 'found build .'
}

settings_of_the_user_do_not_change_the_build() {
  settings=(GOTOOLCHAIN=auto GOWORK=/somewhere GO111MODULE=off CGO_ENABLED=0 GOROOT=/nowhere)
  pretend go1.99.0
  run 0 "$wrapper" build .
  has 'toolchain=local work=off cgo=1 root='
  has_not nowhere
  settings=(GOTOOLCHAIN=local 'GOFLAGS=-mod=vendor -p=1 -modfile=x.mod -modcacherw')
  run 0 "$wrapper" build .
  has 'found build . flags= -p=1 -modcacherw toolchain=local'
  pretend go1.19.8
  run 0 "$wrapper" build .
  has 'fetched build . flags= -p=1 -modcacherw toolchain=local'
  grep -q 'flags=-modcacherw toolchain=local' fetches || fail "GOFLAGS reached the fetch: $(cat fetches)"
}

an_experiment_is_for_the_go_that_builds() {
  settings=(GOEXPERIMENT=newer)
  pretend go1.19.8
  run 0 "$wrapper" build .
  has 'fetched build .'
  has 'experiment=newer'
}

the_module_cache_of_the_user_is_not_written() {
  pretend go1.19.8
  run 0 "$wrapper" build .
  has 'fetched build .'
  [ ! -e modules ] || fail 'GOMODCACHE was written to'
}

without_a_network_it_says_so() {
  pretend go1.19.8
  echo '"Error": "dial tcp: lookup proxy: no such host"' >refuse
  run 1 "$wrapper" build .
  has "Go $wanted could not be fetched (GOPROXY=https://proxy)"
  has 'no such host'
  has "or install Go $wanted"
  rm refuse
  run 0 "$wrapper" build .
  has 'fetched build .'
}

without_the_checksum_database_nothing_is_fetched() {
  settings=(GOSUMDB=off)
  pretend go1.19.8
  run 1 "$wrapper" build .
  has 'GOSUMDB is off'
  [ ! -e fetches ] || fail 'it was fetched'
  settings=(GOSUMDB=off GOPROXY=file:///a/folder)
  run 0 "$wrapper" build .
  has 'fetched build .'
}

a_cache_folder_that_cannot_be_made_is_named() {
  pretend go1.19.8
  echo >cache
  run 1 "$wrapper" build .
  has "$PWD/cache"
  has 'XDG_CACHE_HOME can name another one'
}

without_xdg_cache_home_it_is_in_the_home() {
  pretend go1.19.8
  settings=(XDG_CACHE_HOME=)
  run 0 "$wrapper" build .
  [ -x "home/.$toolchain/bin/go" ] || fail 'it is not in ~/.cache'
}

without_any_go_it_says_what_to_do() {
  local tool
  mkdir bin
  for tool in bash dirname sed; do ln -s "$(command -v $tool)" bin/; done
  settings=(PATH="$root/tools/bin:$PWD/bin")
  run 1 "$wrapper" build .
  has 'make deps'
}

two_clones_in_path_do_not_call_each_other_for_ever() {
  mkdir -p other/tools
  cp -r "$root/tools/bin" other/tools/
  cp "$root/go.mod" other/
  pretend go1.99.0
  settings=(PATH="$root/tools/bin:$PWD/other/tools/bin:$root/tools/bin:$PWD/bin:/usr/bin:/bin")
  run 0 timeout 20 go build .
  has 'found build .'
}

a_folder_under_another_name_is_found_out() {
  pretend go1.99.0
  ln -s "$root" link
  settings=(PATH="$root/tools/bin:$PWD/link/tools/bin:$PWD/bin:/usr/bin:/bin")
  run 0 timeout 20 "$wrapper" build .
  has 'found build .'
}

# ---- With a real Go, whose proxy is a folder ----------------------------------------------------

# proxy: a folder that has a toolchain of the wanted version, of three files.
proxy() {
  local at=proxy/golang.org/toolchain/@v version=v0.0.1-go$wanted.linux-$arch
  mkdir -p "$at" bin
  echo 'module golang.org/toolchain' >"$at/$version.mod"
  echo "{\"Version\": \"$version\"}" >"$at/$version.info"
  python3 - "$at/$version.zip" "golang.org/toolchain@$version/" "pkg/tool/linux_$arch/link" <<'END'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name in ("bin/go", "bin/gofmt", sys.argv[3]):
        archive.writestr(sys.argv[2] + name, '#!/bin/sh\necho fetched "$@"\n')
END
  settings=(GOSUMDB=off GOPROXY="file://$PWD/proxy" GOMODCACHE="$PWD/modules")
  # A real Go that says that it is an old one.
  cat >bin/go <<END
#!/bin/bash
[ "\$1" != env ] || { $real "\$@" | sed '1s/.*/go1.19.8/'; exit; }
echo \$\$ >>'$PWD/fetches'
exec $real "\$@"
END
  chmod +x bin/go
}

a_real_go_fetches() {
  proxy
  settings+=('GOFLAGS=-mod=vendor')
  run 0 "$wrapper" build .
  has 'fetched build .'
  run 0 rm -r cache
}

two_builds_at_once() {
  local i pids=()
  proxy
  for i in 1 2 3 4; do
    (mkdir "at$i"; run 0 bash -c "cd at$i && $wrapper build $i >seen") & pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i" || fail 'one of them failed'; done
  for i in 1 2 3 4; do grep -qx "fetched build $i" "at$i/seen" || fail "build $i did not get it"; done
  [ "$(ls cache/ohsocket/go/golang.org)" = "${toolchain##*/}" ] || fail 'something else is left'
}

what_an_interrupted_run_left_is_made_anew() {
  proxy
  run 0 "$wrapper" build .
  # In the middle of unpacking: Go has a mark for that.
  rm -r "${toolchain:?}/pkg"
  echo half >"$toolchain/bin/gofmt"
  chmod -x "$toolchain/bin/go"
  touch "cache/ohsocket/go/cache/download/golang.org/toolchain/@v/v0.0.1-go$wanted.linux-$arch.partial"
  run 0 "$wrapper" build .
  has 'fetched build .'
  [ "$("$toolchain/bin/gofmt")" = 'fetched' ] || fail 'half a file has stayed'
  [ -x "$toolchain/pkg/tool/linux_$arch/link" ] || fail 'a tool is missing'
  # Before the last execute bit.
  chmod -x "$toolchain/bin/go"
  run 0 "$wrapper" build .
  has 'fetched build .'
}

# ---- What is replaced of Go ---------------------------------------------------------------------

# goroot: bin/go says that GOROOT is a folder with copies of the two files.
goroot() {
  local from
  from=$("$real" env GOROOT)
  mkdir -p root/src/runtime root/src/syscall
  cp "$from/src/runtime/sigtab_linux_generic.go" root/src/runtime/
  cp "$from/src/syscall/rlimit.go" root/src/syscall/
  pretend go1.99.0 "$PWD/root"
  sed -i 's/^env) /env) [ "$*" = "env GOROOT" ] \&\& echo "$GOROOT_IS" \&\& exit; [ "$*" = "env GOVERSION" ] \&\& echo go1.99.0 \&\& exit\n  /' bin/go
  sed -i 's/^mod)/list) printf "sigtab_linux_generic.go\\nrlimit.go\\n" ;;\n&/' bin/go
  settings=(GOROOT_IS="$PWD/root")
}

the_two_files_are_replaced() {
  goroot
  run 0 bash "$root/tools/overlay.sh" "$PWD/made"
  python3 - made/overlay.json "$PWD" <<'END' || fail 'overlay.json is not right'
import json
import sys

here = sys.argv[2]
assert json.load(open(sys.argv[1])) == {"Replace": {
    here + "/root/src/runtime/sigtab_linux_generic.go": here + "/made/sigtab",
    here + "/root/src/syscall/rlimit.go": here + "/made/rlimit"}}
END
  [ "$(diff root/src/runtime/sigtab_linux_generic.go made/sigtab | grep -c '^<')" -eq 3 ] || fail 'not three signals'
  ! grep -q 'func init' made/rlimit || fail 'the limit is still raised'
  touch -d '2001-01-01' made/sigtab made/overlay.json
  run 0 bash "$root/tools/overlay.sh" "$PWD/made"
  [ "$(find made -newermt '2002-01-01' -name 'sigtab' -o -newermt '2002-01-01' -name overlay.json)" = '' ] ||
    fail 'files that have not changed were written again'
}

# breaks FILE SED SENTENCE: what is not as expected is an error.
breaks() {
  local file=root/src/$1
  cp "$file" kept
  sed -i "$2" "$file"
  run 1 bash "$root/tools/overlay.sh" "$PWD/made"
  has "go1.99.0: "
  has "$3"
  has 'Look for '
  [ ! -e made/overlay.json ] || fail 'an overlay was written'
  cp kept "$file"
}

a_file_that_is_not_as_expected_is_an_error() {
  goroot
  breaks runtime/sigtab_linux_generic.go 's/_SigUnblock/_SigOpen/' 'does not have SIGCHLD, SIGSTKFLT and signal 34'
  breaks runtime/sigtab_linux_generic.go 's/SIGSTKFLT/SIGSTACK/' 'does not have SIGCHLD, SIGSTKFLT and signal 34'
  breaks runtime/sigtab_linux_generic.go '/SIGUSR1/s/_SigNotify/_SigNotify + _SigUnblock/' 'SIGUSR1'
  breaks runtime/sigtab_linux_generic.go '/SIGPROF/s/ + _SigUnblock//' 'not SIGBUS SIGFPE SIGILL SIGPROF'
  breaks syscall/rlimit.go 's/^func init/func raise/' 'does not have one init'
  breaks syscall/rlimit.go 's/setrlimit(/raiseLimit(/' 'an init that does not raise RLIMIT_NOFILE'
  breaks syscall/rlimit.go '$afunc init() {\n}' 'does not have one init'
  sed -i 's/sigtab_linux_generic/signals/' bin/go
  run 1 bash "$root/tools/overlay.sh" "$PWD/made"
  has 'is not a part of the package runtime'
}

the_strict_build_has_no_recover() {
  local source
  goroot
  run 0 bash "$root/tools/overlay.sh" "$PWD/made" strict
  ! grep -rn 'recover()' made || fail 'a recover() is left'
  for source in $(cd "$root" && grep -rlF 'recover()' --include='*.go' --exclude='*_test.go' capi core); do
    grep -qF "\"$root/$source\"" made/strict.json || fail "$source is not replaced"
  done
}

passed=0
for test in $(sed -n 's/^\([a-z_]*\)() {$/\1/p' "$root/tests/toolchain/run.sh" | grep '_.*_'); do
  mkdir "$work/$test"
  cd "$work/$test"
  settings=(NONE=)
  "$test"
  echo "ok   $test"
  passed=$((passed + 1))
done
echo "$passed tests passed"

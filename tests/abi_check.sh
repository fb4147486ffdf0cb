#!/usr/bin/env bash
# Looks at the built library and the header as a linker, a compiler and a host see them:
# bash tests/abi_check.sh [BUILD]
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/tools/bin:$PATH

build=${1:-build}
library=$build/libohsocket.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pass() { echo "ok   $1"; }
fail() { echo "FAIL $1" >&2; exit 1; }

# check WHAT COMMAND...: shows what the command says only if it fails.
check() {
  local what=$1
  shift
  "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; fail "$what"; }
  pass "$what"
}

# ---- The library as the linker sees it ------------------------------------------------------

nm -D --defined-only "$library" >"$work/nm"
awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' "$work/nm" | sort >"$work/exported"
sed -n '/^symbols$/,/^$/s/^  //p' docs/reference/abi.txt | sort >"$work/wanted"
[ -s "$work/wanted" ] || fail 'docs/reference/abi.txt lists no symbols'
check 'it exports what docs/reference/abi.txt lists, and nothing else' diff "$work/wanted" "$work/exported"

! awk '$2 != "A" && $3 !~ /@@OHSOCKET_1$/' "$work/nm" | grep . ||
  fail 'a symbol is not of version OHSOCKET_1'
pass 'every symbol is of version OHSOCKET_1'

readelf -Wd "$library" >"$work/dynamic"
readelf -Wl "$library" >"$work/segments"
has() { grep -q -- "$2" "$work/$1" || fail "$3"; pass "$3"; }
has_not() { ! grep -q -- "$2" "$work/$1" || fail "$3"; pass "$3"; }
has dynamic 'SONAME.*\[libohsocket\.so\.1\]' 'its soname is libohsocket.so.1'
has dynamic 'BIND_NOW\|FLAGS_1.*NOW' 'it is bound when it is loaded'
has dynamic 'NODELETE' 'it stays loaded'
has segments 'GNU_RELRO' 'its relocations are read-only'
has_not segments 'GNU_STACK.*RWE' 'its stack is not executable'
has_not dynamic 'TEXTREL' 'its code has no relocations'
has_not dynamic 'R.*PATH' 'it has no search path of its own'
! grep -aqF "$(pwd)" "$library" || fail 'it names the folder it was built in'
pass 'it does not name the folder it was built in'
[ "$(readlink "$library")" = libohsocket.so.1 ] && [ -e "$build/libohsocket.so.1" ] || fail 'the links'
pass 'libohsocket.so -> libohsocket.so.1 -> the library'

# ---- The header as the compilers see it -----------------------------------------------------

cat >"$work/macros.c" <<'END'
#include <ohsocket.h>
int main(void) {
    socket_listen_options listen_options = SOCKET_LISTEN_OPTIONS_INIT;
    socket_connect_options connect_options = SOCKET_CONNECT_OPTIONS_INIT;
    socket_extra_options extra_options = SOCKET_EXTRA_OPTIONS_INIT;
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    socket_stats stats = SOCKET_STATS_INIT;
    socket_multicast_group group = SOCKET_MULTICAST_GROUP_INIT;
    socket_tls_options tls_options = SOCKET_TLS_OPTIONS_INIT;
    socket_completion record = SOCKET_RECORD;
    uint32_t mask = SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE) | SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE);

    extra_options.fields = SOCKET_EXTRA_LINGER | SOCKET_EXTRA_BROADCAST;
    return listen_options.struct_size != sizeof listen_options || extra_options.keep_alive != 0 ||
           connect_options.address.address != NULL || state.struct_size != sizeof state ||
           stats.loop_iterations != 0 || tls_options.identity.key != NULL || record == NULL || mask != 68 ||
           group.address.address != NULL ||
           SOCKET_VERSION_HEX != socket_version_number();
}
END
grep -o '^#define SOCKET_[A-Z_]*_INIT' include/ohsocket.h | cut -d' ' -f2 | while read -r macro; do
  grep -q "$macro" "$work/macros.c" || fail "$macro is not tried here"
done

system='#include <sys/socket.h>
#include <linux/net.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>'
printf '#include <ohsocket.h>\n' >"$work/alone.c"
printf '#include <ohsocket.h>\n%s\n' "$system" >"$work/before.c"
printf '%s\n#include <ohsocket.h>\n#include <ohsocket.h>\n' "$system" >"$work/after.c"
strict=(-Wall -Wextra -pedantic -Werror -Iinclude)
for name in alone before after macros; do
  check "the header as C99: $name" gcc -std=c99 "${strict[@]}" -Wstrict-prototypes -c "$work/$name.c" -o "$work/$name.o"
  check "the header as C++11: $name" g++ -xc++ -std=c++11 "${strict[@]}" -c "$work/$name.c" -o "$work/$name.o"
done
{
  printf '#include <ohsocket.h>\n#include <stdio.h>\n'
  sed -n 's/^    //p' capi/headergen/manual.txt | sed '/^cc /,$d'
} >"$work/manual.c"
grep -q socket_run "$work/manual.c" || fail 'the program of the manual was not found'
check 'the program of the manual compiles' gcc -std=c99 "${strict[@]}" -c "$work/manual.c" -o "$work/manual.o"
check 'generated files are up to date' go run ./capi/headergen -check

# ---- The library as a host sees it ----------------------------------------------------------

check 'a program linked as the manual says' bash -c "
  make -s install PREFIX=/usr DESTDIR='$work/root' BUILD='$build' &&
  export PKG_CONFIG_PATH='$work/root/usr/lib/pkgconfig' &&
  gcc '$work/macros.c' -o '$work/macros' \$(pkg-config --cflags --libs ohsocket) &&
  LD_LIBRARY_PATH='$work/root/usr/lib' '$work/macros'"

# The limit on open files must be one that Go would raise.
ulimit -Sn 512
check 'build of tests/abi/load.c' gcc -Wall -Wextra -Werror -Iinclude tests/abi/load.c -o "$work/load" -ldl
check 'masks, limits and fork: C, with dlopen' "$work/load" "$library"
check 'masks and limits: Python' python3 tests/abi/load.py "$library"

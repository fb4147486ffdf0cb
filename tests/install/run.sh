#!/usr/bin/env bash
# Is what `make install` leaves found? tests/install/run.sh BUILD
# Installs into a prefix, moves it, and builds the program of this folder with CMake, Meson and pkg-config from there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:?usage: tests/install/run.sh BUILD}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
version=$(sed -n 's/^.define SOCKET_VERSION_STRING "\(.*\)"/\1/p' "$root/include/ohsocket.h")

check() { # WHAT COMMAND...
  local what=$1
  shift
  "$@" >"$work/output" 2>&1 || { cat "$work/output"; echo "FAIL $what"; exit 1; }
  echo "ok   $what"
  passed=$((passed + 1))
}

says() { # PROGRAM LIBDIR: it runs with the library of that folder.
  [ "$(LD_LIBRARY_PATH=$2 "$1")" = "ohsocket $version" ]
}

make_install() { make -s -C "$root" "$1" BUILD="${build#"$root"/}" "${@:2}"; }

with_cmake() { # PREFIX
  cmake -S "$here" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$1" && cmake --build "$work/cmake" &&
    says "$work/cmake/program" "$1/lib" && says "$work/cmake/program_cpp" "$1/lib"
}

with_meson() { # PKG_CONFIG_PATH LIBDIR
  PKG_CONFIG_PATH=$1 meson setup "$work/meson" "$here" && meson compile -C "$work/meson" && says "$work/meson/program" "$2"
}

with_pkg_config() { # PKG_CONFIG_PATH LIBDIR
  export PKG_CONFIG_PATH=$1
  gcc "$here/program.c" -o "$work/program" $(pkg-config --cflags --libs ohsocket) && says "$work/program" "$2"
}

refuses() { # VERSION: CMake does not find it.
  printf 'cmake_minimum_required(VERSION 3.16)\nproject(p C)\nfind_package(ohsocket %s REQUIRED)\n' "$1" >"$work/CMakeLists.txt"
  ! cmake -S "$work" -B "$work/refused" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/said" 2>&1 && grep -q ohsocket "$work/said"
}

# As a package does it: made for one prefix, put elsewhere, moved from there.
check 'make install' make_install install PREFIX=/opt/ohsocket DESTDIR="$work/root"
mv "$work/root/opt/ohsocket" "$work/moved"
check 'CMake finds it, C and C++' with_cmake "$work/moved"
check 'Meson finds it' with_meson "$work/moved/lib/pkgconfig" "$work/moved/lib"
check 'pkg-config finds it' with_pkg_config "$work/moved/lib/pkgconfig" "$work/moved/lib"
for other in 2.0 0.9 1.999; do check "version $other is another" refuses "$other"; done

# The folders of Debian, and others that the caller names.
debian=(PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu DESTDIR="$work/debian")
check 'make install, LIBDIR of Debian' make_install install "${debian[@]}"
check 'pkg-config finds it there' with_pkg_config "$work/debian/usr/lib/x86_64-linux-gnu/pkgconfig" "$work/debian/usr/lib/x86_64-linux-gnu"
check 'make uninstall' make_install uninstall "${debian[@]}"
[ -z "$(find "$work/debian" ! -type d)" ] || { find "$work/debian" ! -type d; echo 'FAIL make uninstall leaves nothing'; exit 1; }
echo "$((passed)) passed, 0 failed"

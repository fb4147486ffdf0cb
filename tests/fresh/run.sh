#!/usr/bin/env bash
# Are git and make enough? tests/fresh/run.sh BUILD 12|13 [user|test], as root, with debootstrap
#
# Makes a bare Debian of that release in BUILD/fresh, clones the commit that is checked out into it, and runs `make demo`
# there, with "test" `make test` after it, as root. With "user" an ordinary user runs `make demo`, then root the one command
# that this has printed, then the user `make demo` again.
#
# The system gets the settings of this one for apt, pip, npm and Go, and its certificates, so that it reaches what this one
# reaches. It is removed afterwards; BUILD/fresh/debian-*.tar, what debootstrap has made, stays for the next run.
set -euo pipefail
usage="usage: tests/fresh/run.sh BUILD 12|13 [user|test]"
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${1:?$usage}/fresh"
scratch=$(cd "$1/fresh" && pwd -P)
release=${2:?$usage} what=${3:-demo}
case $release in
12) suite=bookworm ;;
13) suite=trixie ;;
*) echo "$usage" >&2; exit 2 ;;
esac
case $what in demo | user | test) ;; *) echo "$usage" >&2; exit 2 ;; esac
[ "$(id -u)" -eq 0 ] || { echo "tests/fresh makes a system to chroot into: as root only" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "missing: debootstrap (apt-get install debootstrap)" >&2; exit 2; }
image=$scratch/debian-$release.tar

# ---- Outside: namespaces, and cleaning up -----------------------------------------------------

# All is mounted and run in namespaces of its own. Whichever way they end, the kernel unmounts and ends what is in them,
# and nothing is ever mounted where this part removes files.
if [ -z "${FRESH_SYSTEM-}" ]; then
  FRESH_SYSTEM=$(mktemp -d "$scratch/debian-$release.XXXXXX")
  export FRESH_SYSTEM
  clean_up() {
    local tries
    trap '' INT TERM
    [ -z "${inside-}" ] || kill -KILL "$inside" 2>/dev/null || true
    if grep -qF " $FRESH_SYSTEM" /proc/self/mountinfo; then
      echo "$FRESH_SYSTEM is not removed: something is mounted there" >&2
      exit 1
    fi
    # What was killed may still be ending.
    for ((tries = 0; tries < 100; tries++)); do
      rm -rf --one-file-system "$FRESH_SYSTEM" 2>/dev/null && return
      sleep 0.1
    done
    rm -rf --one-file-system "$FRESH_SYSTEM"
  }
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$@" &
  inside=$!
  wait "$inside" && status=0 || status=$?
  inside=
  exit "$status"
fi

# ---- Inside: a bare system --------------------------------------------------------------------

system=$FRESH_SYSTEM

# mirror LABEL: where this machine gets that part of Debian from.
mirror() {
  apt-get indextargets --format '$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(REPO_URI)' 2>/dev/null |
    sed -n "s/^Packages|Debian|$1|//p" | head -n 1
}

make_image() {
  local from
  from=$(mirror Debian)
  echo "making a bare Debian $release"
  debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$system" ${from:+"$from"} \
    >"$scratch/debootstrap.log" 2>&1 || { tail -n 20 "$scratch/debootstrap.log" >&2; exit 1; }
  tar -C "$system" --one-file-system --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -cf "$image.part" .
  mv "$image.part" "$image"
}

mount_system() {
  local device
  mount -t proc proc "$system/proc"
  mount -t sysfs -o ro sysfs "$system/sys"
  mount -t tmpfs -o mode=755 tmpfs "$system/dev"
  mkdir "$system"/dev/{pts,shm}
  for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$system/dev/${device%:*}" c 1 "${device#*:}"
  done
  mknod -m 666 "$system/dev/tty" c 5 0
  mount -t devpts -o newinstance,ptmxmode=666 devpts "$system/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$system/dev/shm"
  ln -s pts/ptmx "$system/dev/ptmx"
  ln -s /proc/self/fd "$system/dev/fd"
  ln -s fd/0 "$system/dev/stdin"
  ln -s fd/1 "$system/dev/stdout"
  ln -s fd/2 "$system/dev/stderr"
}

# ---- Inside: this machine's settings ----------------------------------------------------------

# copy FILE...: to the same place, those that there are.
copy() {
  local file
  for file; do
    [ -e "$file" ] || continue
    mkdir -p "$system$(dirname "$file")"
    cp -rL "$file" "$system$(dirname "$file")/"
  done
}

# copy_named: the files that the settings on stdin name: certificates of proxies, for example.
copy_named() {
  local file
  while read -r file; do
    [ ! -f "$file" ] || [ -e "$system$file" ] || copy "$file"
  done < <(grep -oE '/[^"=;[:space:]]+')
}

apt_settings() {
  local from
  from=$(mirror Debian)
  if [ "$from" ]; then
    printf 'deb %s %s main\n' "$from" "$suite" "$from" "$suite-updates" >"$system/etc/apt/sources.list"
    from=$(mirror Debian-Security)
    [ -z "$from" ] || echo "deb $from $suite-security main" >>"$system/etc/apt/sources.list"
  fi
  apt-config dump | grep -E '^Acquire::(https?|Check|Retries|Force|Max)' >"$system/etc/apt/apt.conf.d/99-of-the-host" || true
  copy_named <"$system/etc/apt/apt.conf.d/99-of-the-host"
  copy /etc/apt/auth.conf /etc/apt/auth.conf.d
}

# Sets $environment, for every command in there.
take_settings() {
  local name
  environment=(HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  copy /etc/resolv.conf /etc/hosts /usr/local/share/ca-certificates /etc/pip.conf
  chroot "$system" update-ca-certificates >/dev/null 2>&1
  apt_settings
  mkdir -p "$system/root/.config"
  cp -rL ~/.config/pip "$system/root/.config/" 2>/dev/null || true
  cp -L ~/.npmrc "$system/root/" 2>/dev/null || true
  for name in $(compgen -e); do
    case ${name,,} in
    http_proxy | https_proxy | all_proxy | no_proxy | ssl_cert_file | ssl_cert_dir | curl_ca_bundle | git_ssl_cainfo | \
      requests_ca_bundle | node_extra_ca_certs | pip_cert | pip_index_url | pip_extra_index_url | pip_trusted_host | \
      pip_proxy | npm_config_registry | npm_config_cafile | npm_config_proxy | npm_config_https_proxy)
      environment+=("$name=${!name}")
      ;;
    esac
  done
  if command -v go >/dev/null; then
    for name in GOPROXY GOSUMDB GONOSUMDB GONOPROXY GOPRIVATE GOINSECURE; do
      environment+=("$name=$(cd / && go env "$name")")
    done
  fi
  copy_named < <(printf '%s\n' "${environment[@]}")
}

# ---- Inside: the two commands -----------------------------------------------------------------

clone() { # FOLDER
  git clone --quiet --no-hardlinks "$root" "$system$1"
  git -C "$system$1" checkout --quiet --detach "$commit"
}

in_system() { chroot "$system" env -i "${environment[@]}" "$@"; }

# timed WHAT COMMAND...
timed() {
  local began=$SECONDS
  printf '\n==== Debian %s, commit %.10s: %s\n' "$release" "$commit" "$1"
  "${@:2}" || { printf '==== Debian %s: %s: FAILED after %d s\n' "$release" "$1" "$((SECONDS - began))"; exit 1; }
  printf '==== Debian %s: %s: passed in %d s\n' "$release" "$1" "$((SECONDS - began))"
}

left_behind() {
  printf '\nleft behind, MiB:\n'
  in_system bash -c 'du -sxm ~/.cache/* ~/go ~/ohsocket/build 2>/dev/null'
}

as_user() { in_system setpriv --reuid=someone --regid=someone --init-groups env HOME=/home/someone "$@"; }

first_try() {
  local output=$system/tmp/first_try
  if as_user make -C /home/someone/ohsocket demo >"$output" 2>&1; then
    cat "$output"
    echo "make demo has not said what is missing"
    return 1
  fi
  cat "$output"
  [ "$(grep -c '^install with: ' "$output")" -eq 1 ] || { echo "not one command is printed"; return 1; }
  # What runs it is root already.
  printed=$(sed -n 's/^install with: //p' "$output" | sed 's/sudo //g')
}

if [ -e "$image" ]; then tar -C "$system" -xf "$image"; else make_image; fi
chmod 755 "$system"
commit=$(git -C "$root" rev-parse HEAD)
mount_system
take_settings
if [ "$what" = user ]; then
  chroot "$system" useradd --create-home --shell /bin/bash someone
  clone /home/someone/ohsocket
  chroot "$system" chown -R someone: /home/someone
  timed 'make demo as an ordinary user says what is missing' first_try
  timed 'the command that it printed' in_system DEBIAN_FRONTEND=noninteractive bash -c "$printed"
  timed 'make demo as an ordinary user' as_user make -C /home/someone/ohsocket demo
else
  clone /root/ohsocket
  timed 'make demo' in_system make -C /root/ohsocket demo
  left_behind
  if [ "$what" = test ]; then
    timed 'make test' in_system make -C /root/ohsocket test
    left_behind
  fi
fi

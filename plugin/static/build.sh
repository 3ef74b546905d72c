#!/bin/sh
# Builds the plugin as one static executable: CPython from Debian's library archive with our bytecode frozen into it.
#
#   build.sh [--arch amd64|arm64] [--module NAME=FILE]... OUTPUT
#
# OUTPUT.copyright, which belongs to every copy that is given away, holds the licences of what is linked in, and
# OUTPUT.packages the Debian packages that it comes from, one `NAME VERSION ARCHITECTURE` a line.
# Without --arch for this machine's processor; arm64 is cross-linked elsewhere. --module replaces what is frozen
# (by default the plugin as __main__), for tests that put something in front of it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
python=/usr/bin/python3.11

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

command -v dpkg >/dev/null || fail "the plugin is linked from packages of Debian 12; build it there or in its container image"
machine=$(dpkg --print-architecture)
arch=$machine
modules=
while [ $# -gt 1 ]; do
    case $1 in
        --arch) arch=$2 ;;
        --module) modules="$modules $2" ;;
        *) fail "$1: unknown flag" ;;
    esac
    shift 2
done
[ $# = 1 ] || fail "one OUTPUT is needed"
output=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

install_missing() {
    missing=
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    for package in $missing; do
        apt-cache show "$package" >/dev/null 2>&1 || fail "this system has no $package; Debian 12 has it"
    done
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}

installed() {
    dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' "$1"
}

# Another processor's package is unpacked, not installed: apt gets lists and caches of its own for it, so that the
# machine's package database never hears of a foreign architecture. Signatures are checked as ever.
unpack_foreign_python() {
    [ -e "$1/version" ] && return
    mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$(dirname "$1")"
    touch "$work/apt/status"
    foreign="-o APT::Architecture=$arch -o APT::Architectures=$arch -o APT::Sandbox::User=root \
        -o Dir::State=$work/apt -o Dir::State::status=$work/apt/status -o Dir::Cache=$work/apt \
        -o Acquire::Languages=none"
    (cd "$work" && apt-get $foreign update -qq && apt-get $foreign download -qq libpython3.11-dev) >&2
    rm -rf "$1" "$1.new"
    dpkg -x "$work"/libpython3.11-dev_*.deb "$1.new"
    dpkg-deb --field "$work"/libpython3.11-dev_*.deb Version >"$1.new/version"
    mv -T "$1.new" "$1"
}

case $arch in
    "$machine")
        install_missing gcc libc6-dev python3.11-minimal libpython3.11-dev
        compiler=gcc
        sysroot=
        packages=$(installed libpython3.11-dev; installed libc6-dev)
        ;;
    arm64)
        install_missing gcc-aarch64-linux-gnu libc6-dev-arm64-cross python3.11-minimal
        compiler=aarch64-linux-gnu-gcc
        sysroot=$root/build/python-arm64
        unpack_foreign_python "$sysroot"
        packages="libpython3.11-dev $(cat "$sysroot/version") $arch
$(installed libc6-dev-arm64-cross)"
        ;;
    *) fail "--arch $arch: can be built on that machine only" ;;
esac

"$python" -IS "$here/freeze.py" "$work/frozen.c" "_frozen_importlib=$here/imports.py" \
    "encodings=$here/no_codecs.py" ${modules:-"__main__=$root/plugin/infoblox.py"}
release=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/pyproject.toml")
# The linker warns of look-ups of users and hosts, which need glibc's shared parts; the plugin makes none.
"$compiler" -O2 -Wall -static -no-pie -s -Wl,--gc-sections -Wl,--no-warnings "-DRELEASE=\"$release\"" \
    -Wl,--wrap=PyModule_AddIntConstant -I "$sysroot/usr/include/python3.11" \
    -I "$sysroot/usr/include" "$here/main.c" "$here/modules.c" "$work/frozen.c" \
    "$sysroot/usr/lib/python3.11/config-3.11-$("$compiler" -print-multiarch)/libpython3.11.a" -lm -o "$work/infoblox"
mkdir -p "$(dirname "$output")"
cat /usr/share/doc/libc6/copyright /usr/share/doc/libpython3.11-minimal/copyright >"$output.copyright"
echo "$packages" >"$output.packages"
cp "$work/infoblox" "$output.new"
mv "$output.new" "$output"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that are missing, and says nothing when none is.
#
#   packages.sh run     what building and running Gori needs, beside git, make and a Swift toolchain
#   packages.sh test    what its tests use on top of that
#   packages.sh foreign the servers and load generators of `make foreign-bench`, and what building and running needs
#
# A package counts as present when what it is for works, whoever installed it: a liburing built from source is as good.
set -u

missing=''
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
has() { command -v "$1"; }
has_file() {
    for file in "$@"; do
        [ -e "$file" ] && return 0
    done
    return 1
}
# clang, as Swift brings it, takes its C++ runtime and crt files from the newest gcc directory.
links_c() { has_file /usr/lib/gcc/*/*/libstdc++.so /usr/lib64/libstdc++.so && has_file /usr/include/stdio.h; }
reads_yaml() { python3 -c 'import yaml'; }
has_liburing() { has_file /usr/include/liburing.h || pkg-config --exists liburing; }
has_sqlite() { has_file /usr/include/sqlite3.h; }

# The libraries that a Swift toolchain unpacked by hand finds missing on a bare machine.
has_library() { has_file /usr/lib/*/"$1" /lib/*/"$1" /usr/lib/"$1" /usr/lib64/"$1"; }

needs_to_run() {
    need libncurses6 has_library libncurses.so.6
    need libcurl4 has_library libcurl.so.4
    need libxml2 has_library libxml2.so.2
    need libsqlite3-0 has_library libsqlite3.so.0
    need g++ links_c
    need pkg-config has pkg-config
    need liburing-dev has_liburing
    need libsqlite3-dev has_sqlite
}
needs_to_test() {
    need python3 has python3
    need iproute2 has ip
    need util-linux has unshare
    need gcc has cc
    need netcat-openbsd has nc
    need systemd has systemd-analyze
    need python3-yaml reads_yaml
    need libuv1-dev has_file /usr/include/uv.h
    need valgrind has valgrind
    need binutils has objcopy
}

needs_to_compare() {
    need redis-server has redis-server
    need redis-tools has redis-benchmark
    need nginx-light has nginx
    need wrk has wrk
}

case "${1:-}" in
run) needs_to_run ;;
test) needs_to_run && needs_to_test ;;
foreign) needs_to_run && needs_to_compare ;;
*)
    echo "usage: packages.sh run|test|foreign" >&2
    exit 64
    ;;
esac
[ -n "$missing" ] || exit 0

root=''
[ "$(id -u)" = 0 ] || root='sudo '
# A fresh machine has no package lists. A failing update is not the end: the lists may be good enough.
line="${root}apt-get update; ${root}apt-get install -y --no-install-recommends$missing"

if ! has apt-get >/dev/null; then
    echo "Gori needs what Debian calls:$missing. Please install it and try again." >&2
    exit 1
fi
if [ -n "$root" ] && ! has sudo >/dev/null; then
    printf 'Missing packages, and no right to install them. Please run as root:\n    %s\n' \
        "apt-get update; apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
# Without a terminal sudo cannot ask for a password; it must not wait for one either.
if [ -n "$root" ] && [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
    printf 'Missing packages, and sudo wants a password. Please run:\n    %s\n' "$line" >&2
    exit 1
fi
echo "+ $line" >&2
export DEBIAN_FRONTEND=noninteractive
if ! eval "$line" >&2; then
    printf 'That did not work. Please run it by hand and try again:\n    %s\n' "$line" >&2
    exit 1
fi

#!/bin/bash
# Lay ufw, firewalld and iptables with its persistence into build/firewalls, a folder each, for the tests that let them guard a namespace.
# They are unpacked, never installed: installed they would guard this machine, and ufw and iptables-persistent exclude one another.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/firewalls
xtables="iptables libip4tc2 libip6tc2 libxtables12 libnetfilter-conntrack3 libnfnetlink0"

die() { echo "vxloom: $*" >&2; exit 1; }

command -v apt-get >/dev/null || exit 0 # setup has said already that this is no Debian
stamp=$(sha256sum "$0")
[ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && exit 0

unpack() { # unpack FOLDER PACKAGE...
    local root=$folder/$1 package
    shift
    mkdir -p "$root"
    for package in "$@"; do
        dpkg-deb -x "$(compgen -G "$folder/download/${package}_*.deb")" "$root"
    done
    if [ -d "$root/lib" ]; then # where /lib is a link to usr/lib, as on any Debian since 12
        mkdir -p "$root/usr/lib" && cp -a "$root/lib/." "$root/usr/lib/" && rm -rf "$root/lib"
    fi
}

echo "setup: fetching ufw, firewalld and iptables for the tests that run them" >&2
rm -rf "$folder" && mkdir -p "$folder/download"
# shellcheck disable=SC2086  # one word per package
(cd "$folder/download" && apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download $xtables iptables-persistent netfilter-persistent \
    ufw firewalld python3-firewall python3-nftables >/dev/null) || die "apt-get could not download the firewalls; run apt-get update, then make setup again"
# shellcheck disable=SC2086
unpack iptables $xtables iptables-persistent netfilter-persistent
# shellcheck disable=SC2086
unpack ufw $xtables ufw
unpack firewalld firewalld python3-firewall python3-nftables
rm -rf "$folder/download"
echo "$stamp" >"$folder/stamp"

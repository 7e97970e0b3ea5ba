#!/bin/bash
# Lay Debian's generic kernel with its modules into build/guest-kernel, for the tests that boot it, with packages that this machine may lack:
# `extra` lies over its root in the guest, `tools` judge files that we write. All is unpacked, nothing is installed here.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/guest-kernel
extra=(bridge-utils ifupdown libsystemd-shared systemd udev) # of one version: the last three share a library that keeps no promises
tools=(libnetplan0 libnm0 netplan.io network-manager)

die() { echo "vxloom: $*" >&2; exit 1; }

unpack() { # unpack FOLDER PACKAGE…
    local into=$1 name
    rm -rf "$folder/download" && mkdir -p "$folder/download" "$into"
    (cd "$folder/download" && apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download "${@:2}" >/dev/null) || die "apt-get could not download ${*:2}"
    for name in "$folder"/download/*.deb; do dpkg-deb -x "$name" "$into"; done
    rm -rf "$folder/download"
}

command -v apt-get >/dev/null || exit 0 # setup has said already that this is no Debian
package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -n 1)
[ -n "$package" ] || die "apt knows no linux-image-amd64; run apt-get update, then make setup again"
stamp=$(apt-cache policy "$package" "${extra[@]}" "${tools[@]}" | sed -n 's/^\([a-z].*\):$/\1/p; s/^ *Candidate: //p')
[ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && exit 0

echo "setup: fetching $package for the tests that boot a kernel" >&2
rm -rf "$folder"
unpack "$folder/root" "$package"
unpack "$folder/extra" "${extra[@]}"
unpack "$folder/tools" "${tools[@]}"
for name in bin sbin lib; do # the guest's root has links of these names, which folders would hide
    [ -d "$folder/extra/$name" ] || continue
    mkdir -p "$folder/extra/usr/$name"
    cp -a "$folder/extra/$name/." "$folder/extra/usr/$name/" && rm -rf "$folder/extra/${name:?}"
done
release=$(basename "$folder"/root/lib/modules/*)
depmod -b "$folder/root" "$release"
ln -s "root/boot/vmlinuz-$release" "$folder/vmlinuz"
echo "$release" >"$folder/release"
echo "$stamp" >"$folder/stamp"

#!/bin/bash
# Lay Debian's generic kernel with its modules into build/guest-kernel, for the tests that boot it. It is unpacked, never installed here.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/guest-kernel

die() { echo "vxloom: $*" >&2; exit 1; }

command -v apt-get >/dev/null || exit 0 # setup has said already that this is no Debian
package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -n 1)
[ -n "$package" ] || die "apt knows no linux-image-amd64; run apt-get update, then make setup again"
version=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
[ "$(cat "$folder/stamp" 2>/dev/null)" = "$package $version" ] && exit 0

echo "setup: fetching $package for the tests that boot a kernel" >&2
rm -rf "$folder" && mkdir -p "$folder/download"
(cd "$folder/download" && apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download "$package" >/dev/null) || die "apt-get could not download $package"
dpkg-deb -x "$folder"/download/*.deb "$folder/root"
rm -rf "$folder/download"
release=$(basename "$folder"/root/lib/modules/*)
depmod -b "$folder/root" "$release"
ln -s "root/boot/vmlinuz-$release" "$folder/vmlinuz"
echo "$release" >"$folder/release"
echo "$package $version" >"$folder/stamp"

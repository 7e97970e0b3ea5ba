#!/bin/bash
# Run a command with the rights that network namespaces need: as root, else through sudo, else as root of a user namespace.
#   scripts/as-root.sh COMMAND...    run it
#   scripts/as-root.sh --which       print root, sudo, userns — or one line on stderr and exit 1 when none of them is to be had
set -euo pipefail

which_way() {
    if [ "$(id -u)" = 0 ]; then
        # Root of a container may still lack the right to make namespaces: trying is the only proof.
        if unshare --net --mount true 2>/dev/null; then echo root; return; fi
        echo "vxloom: root here may not create network namespaces (CAP_SYS_ADMIN is missing); start the container with --privileged" >&2
        return 1
    fi
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then echo sudo; return; fi # it asks on the terminal itself
    if unshare --user --map-root-user --net --mount true 2>/dev/null; then echo userns; return; fi
    echo "vxloom: needs root, sudo or user namespaces to create network namespaces; run it as root, or install sudo for $(id -un)" >&2
    return 1
}

way=$(which_way) || exit 1
[ "${1:-}" = --which ] && { echo "$way"; exit 0; }
case $way in
    root) exec "$@" ;;
    sudo) exec sudo --preserve-env=PATH,TERM,COLUMNS,NO_COLOR,CI "$@" ;;
    userns) exec unshare --user --map-root-user --net --mount "$@" ;;
esac

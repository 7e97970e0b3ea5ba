#!/bin/bash
# Make this checkout runnable: Debian packages from system-packages.txt, a virtual environment from the lock files, vxloom itself in it,
# and the Node client that tests drive the API with. Idempotent and quick: dpkg is asked before apt, and stamps hold a hash of what each
# step was made from.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

say() { echo "setup: $*" >&2; }
die() { echo "vxloom: $*" >&2; exit 1; }

# Rights come first: without them nothing below is worth the wait.
way=$(scripts/as-root.sh --which) || exit 1

# One setup at a time in one checkout; the second waits and then finds nothing to do.
mkdir -p build
exec 9>build/setup.lock
flock 9

# A caller's environment may point pip or Python elsewhere. Where packages come from (index, proxy, certificates) stays the caller's business.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIREMENT PIP_CONSTRAINT PIP_EDITABLE PIP_NO_DEPS PIP_DRY_RUN PIP_PYTHON PIP_REQUIRE_VIRTUALENV
unset PIP_ONLY_BINARY PIP_NO_BINARY PIP_PRE PIP_REQUIRE_HASHES PIP_NO_BUILD_ISOLATION PIP_IGNORE_INSTALLED PIP_REPORT

wanted_packages() { # `PACKAGE|COMMAND` is wanted only where no such command is to be had
    local package command
    while IFS='| ' read -r package command; do
        [ -z "$package" ] || { [ -n "$command" ] && command -v "$command" >/dev/null; } || echo "$package"
    done < <(sed -e 's/#.*//' system-packages.txt)
}

missing_packages() {
    local wanted
    wanted=$(wanted_packages)
    # shellcheck disable=SC2086  # one word per package
    comm -23 <(printf '%s\n' $wanted | sort) \
             <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

apt() { # apt-get without questions; waits for another apt (unattended-upgrades on a fresh machine) instead of failing
    local as=()
    [ "$way" = sudo ] && as=(sudo)
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$root/build/apt.log" 2>&1
}

no_cluster() { # Debian's PostgreSQL makes a cluster and starts it. We want its programs only; where it is already installed, nothing is touched
    local as=() conf=/etc/postgresql-common/createcluster.conf
    [ "$way" = sudo ] && as=(sudo)
    [ -e "$conf" ] && return
    "${as[@]}" mkdir -p "${conf%/*}"
    printf '%s\n' "# Written by vxloom's make setup: its tests need PostgreSQL's programs, no running cluster. Delete the line to have clusters made again." \
        "create_main_cluster = false" | "${as[@]}" tee "$conf" >/dev/null
}

install_packages() {
    local missing
    if ! command -v dpkg-query >/dev/null; then
        say "no dpkg here: install by hand what system-packages.txt names (this script knows Debian and Ubuntu)"
        return
    fi
    missing=$(missing_packages)
    [ -z "$missing" ] && return
    [ "$way" = userns ] && die "packages are missing and only root can install them: apt-get install --no-install-recommends" $missing
    say "installing" $missing
    : >build/apt.log
    # Lists may be absent (container images) or stale (a 404): fetch them when there are none, and once more when the install fails.
    compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || apt update || true
    case " "$missing" " in *postgresql*) no_cluster ;; esac
    # shellcheck disable=SC2086
    if ! apt install -y --no-install-recommends $missing; then
        say "refreshing the package lists and trying again"
        apt update || true
        # shellcheck disable=SC2086
        apt install -y --no-install-recommends $missing || { tail -n 15 build/apt.log >&2; die "apt-get could not install the packages; the whole story is in build/apt.log"; }
    fi
}

find_python() { # the distribution's interpreter first: libnftables and the lock are tried with it
    local candidate
    for candidate in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then command -v "$candidate"; return; fi
    done
    die "needs Python 3.11 or later with the venv module; on Debian 12: apt-get install python3-venv"
}

install_locked() {
    local python=$1 stamp=$2
    # Kept when it was made in this directory (its scripts name it) by this interpreter; else made anew.
    if ! grep -qsx "command = .* $root/.venv" .venv/pyvenv.cfg || [ "$(.venv/bin/python -c 'import os, sys; print(os.path.realpath(sys.executable))' 2>/dev/null)" != "$(realpath "$python")" ]; then
        say "making .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    rm -f .venv/stamp-lock .venv/stamp-project
    say "installing $(cat requirements.txt requirements-dev.txt | sed -n 's/==.*//p' | sort -u | wc -l) locked Python packages"
    local pip=(.venv/bin/python -m pip --disable-pip-version-check -qq install --progress-bar off --require-hashes -r requirements.txt -r requirements-dev.txt)
    "${pip[@]}" || { say "pip failed; trying once more"; "${pip[@]}"; } || die "pip could not install the locked packages; check the network or the index pip is configured with, then run make setup again"
    echo "$stamp" >.venv/stamp-lock
}

install_project() {
    say "installing vxloom from this checkout"
    .venv/bin/python -m pip --disable-pip-version-check -qq install --no-index --no-deps --no-build-isolation --editable . || die "pip could not install vxloom from this checkout; see the lines above"
    echo "$1" >.venv/stamp-project
}

install_clients() { # csclient, for tests/api: exact versions with hashes, no scripts of theirs run, nothing asked and nothing told
    say "installing the Node client that tests use"
    rm -rf build/clients && mkdir -p build/clients && cp tests/api/clients/package{,-lock}.json build/clients/
    (cd build/clients && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier) >build/npm.log 2>&1 ||
        { tail -n 15 build/npm.log >&2; die "npm could not install what tests/api/clients/package-lock.json names; check the network or the registry npm is configured with, then run make setup again"; }
    echo "$1" >build/clients/stamp
}

install_packages
scripts/guest-kernel.sh
scripts/firewalls.sh

python=$(find_python) || exit 1
lock_stamp=$({ echo "$root $python"; "$python" --version; cat requirements.txt requirements-dev.txt; } | sha256sum)
[ -x .venv/bin/python ] && [ "$(cat .venv/stamp-lock 2>/dev/null)" = "$lock_stamp" ] || install_locked "$python" "$lock_stamp"

# Of pyproject.toml only the parts that an installation is made from; a changed lint rule is no reason to install again.
project_stamp=$(awk '/^\[/ { on = /^\[(build-system|project|tool\.hatch)/ } on' pyproject.toml | sha256sum)
[ -x .venv/bin/vxloom ] && [ "$(cat .venv/stamp-project 2>/dev/null)" = "$project_stamp" ] || install_project "$project_stamp"

clients_stamp=$(cat tests/api/clients/package.json tests/api/clients/package-lock.json | sha256sum)
[ "$(cat build/clients/stamp 2>/dev/null)" = "$clients_stamp" ] || install_clients "$clients_stamp"

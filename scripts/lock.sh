#!/bin/bash
# Compile requirements*.txt from requirements*.in: exact versions with hashes, and no word about the index they came from.
# pip-tools lives in an environment of its own; it is no dependency of the project.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
[ -x build/lock/bin/pip-compile ] || { .venv/bin/python -m venv --clear build/lock && build/lock/bin/pip install -qq pip-tools; }
for name in requirements requirements-dev; do
    build/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --no-strip-extras --no-annotate --no-header \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --output-file "$name.txt" "$@" "$name.in"
done

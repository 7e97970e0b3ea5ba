#!/bin/bash
# All tests, lint first. With arguments: only pytest, with those arguments (`make test ARGS="tests/unit -k vni"`).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
if [ $# -gt 0 ]; then
    exec scripts/as-root.sh .venv/bin/pytest "$@"
fi
scripts/lint.sh
exec scripts/as-root.sh .venv/bin/pytest --floor

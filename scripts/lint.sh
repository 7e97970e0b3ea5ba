#!/bin/bash
# Everything that judges the code without running it.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/ruff check --quiet .
.venv/bin/ruff format --quiet --check . || { echo "vxloom: the files above are not formatted; run make format" >&2; exit 1; }
.venv/bin/mypy --no-error-summary
.venv/bin/lint-imports --no-cache 2>&1 | { grep -vE '^\s*$' || true; } | tail -n 40

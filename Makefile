# Few targets, one line each; what they do lives in scripts/. `make demo KEEP=1`, `make test ARGS="tests/unit -k vni"`, `make bench ONLY=fdb`.
# The rights that namespaces need are asked for before anything else, and their lack is one line.
ifneq (,$(filter setup demo demo-doctor test bench,$(or $(MAKECMDGOALS),setup)))
lack := $(shell scripts/as-root.sh --which 2>&1 >/dev/null)
$(if $(lack),$(error $(lack)))
endif

.PHONY: setup demo demo-doctor test bench lint format coverage deb lock clean

setup:    ; @scripts/setup.sh
demo:     setup ; @scripts/as-root.sh .venv/bin/vxloom demo $(if $(filter-out 0,$(KEEP)),--keep)
demo-doctor: setup ; @scripts/as-root.sh .venv/bin/vxloom demo doctor
test:     setup ; @scripts/test.sh $(ARGS)
bench:    setup ; @scripts/as-root.sh .venv/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY))
lint:     setup ; @scripts/lint.sh
format:   setup ; @.venv/bin/ruff format . && .venv/bin/ruff check --fix .
coverage: setup ; @scripts/as-root.sh .venv/bin/pytest -q --floor tests/unit tests/golden tests/properties
deb:      setup ; @.venv/bin/python scripts/deb.py
lock:     setup ; @scripts/lock.sh $(ARGS)
clean:    ; rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

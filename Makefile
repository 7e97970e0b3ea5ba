# Few targets, one line each; what they do lives in scripts/. `make demo KEEP=1`, `make test ARGS="tests/unit -k vni"`, `make bench ONLY=fdb`.
.PHONY: setup demo test bench lint format coverage lock clean

setup:    ; @scripts/setup.sh
demo:     setup ; @scripts/as-root.sh .venv/bin/vxloom demo $(if $(filter-out 0,$(KEEP)),--keep)
test:     setup ; @scripts/test.sh $(ARGS)
bench:    setup ; @scripts/as-root.sh .venv/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY))
lint:     setup ; @scripts/lint.sh
format:   setup ; @.venv/bin/ruff format . && .venv/bin/ruff check --fix .
coverage: setup ; @scripts/as-root.sh .venv/bin/pytest -q --floor tests/unit tests/golden tests/properties
lock:     setup ; @scripts/lock.sh $(ARGS)
clean:    ; rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

"""Golden files: text a person can judge, kept beside the test. `pytest tests/golden --update` rewrites them; review the diff."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("two-tenants.plan", text)` compares with `tests/golden/two-tenants.plan`, to the byte."""
    folder: Path = request.path.parent

    def compare(name: str, text: str) -> None:
        path = folder / name
        text = text.rstrip("\n") + "\n"
        if request.config.getoption("--update"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"{path} does not exist; look at the text below, then run pytest with --update\n{text}", pytrace=False)
        kept = path.read_text(encoding="utf-8")
        if text != kept:
            diff = "".join(difflib.unified_diff(kept.splitlines(keepends=True), text.splitlines(keepends=True), name, "now"))
            pytest.fail(f"{name} is not what it was; if the change is meant, run pytest with --update\n{diff}", pytrace=False)

    return compare

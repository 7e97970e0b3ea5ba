"""What no test may do: sleep, be skipped, be expected to fail, count calls."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.meta.tree import parsed, python_files, short

FILES = python_files("tests")
FORBIDDEN = {
    "sleep": "wait for a condition with tests.waiting.wait_until",
    "skip": "a skipped test proves nothing; install what it needs",
    "skipif": "a skipped test proves nothing; install what it needs",
    "importorskip": "a skipped test proves nothing; install what it needs",
    "xfail": "fix it, or do not claim it",
    "assert_called": "assert states and packets, not calls",
    "assert_called_once": "assert states and packets, not calls",
    "assert_called_with": "assert states and packets, not calls",
    "assert_called_once_with": "assert states and packets, not calls",
    "assert_has_calls": "assert states and packets, not calls",
}


def sins(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            found.append(f"line {node.lineno}: .{node.attr}: {FORBIDDEN[node.attr]}")
        if isinstance(node, ast.ImportFrom):
            found += [f"line {node.lineno}: {name.name}: {FORBIDDEN[name.name]}" for name in node.names if name.name in FORBIDDEN]
    return found


@pytest.mark.parametrize("path", FILES, ids=short)
def test_no_test_sleeps_skips_or_counts_calls(path: Path) -> None:
    assert sins(parsed(path)) == []


@pytest.mark.parametrize(
    "source", ["import time\ntime.sleep(1)", "from time import sleep", "@pytest.mark.skip\ndef f(): ...", "m.assert_called()"]
)
def test_a_sin_is_seen(source: str) -> None:
    assert sins(ast.parse(source))

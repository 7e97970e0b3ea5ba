"""A module over 400 lines or a function over 50 gives its reason in a comment that begins `# long:`.

Lines of docstrings count for modules (a reader scrolls past them) and not for functions (facts belong there).
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.meta.tree import parsed, python_files, short

MODULE_LINES = 400
FUNCTION_LINES = 50
MARK = "# long:"
FILES = python_files("src", "tests", "benchmarks")


def too_long(source: str, tree: ast.Module) -> list[str]:
    lines = source.splitlines()
    found = []
    if len(lines) > MODULE_LINES and not any(line.startswith(MARK) for line in lines):
        found.append(f"the module has {len(lines)} lines; split it, or give the reason in a line that begins `{MARK}`")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            text = lines[node.lineno - 1 : node.end_lineno]
            if length > FUNCTION_LINES and not any(MARK in line for line in text):
                found.append(f"{node.name} has {length} lines; split it, or give the reason in a comment `{MARK} …` inside")
    return found


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


@pytest.mark.parametrize("path", FILES, ids=short)
def test_modules_and_functions_stay_small_or_say_why(path: Path) -> None:
    assert too_long(path.read_text(encoding="utf-8"), parsed(path)) == []


def test_a_long_function_is_seen_and_a_reason_is_taken() -> None:
    body = "".join(f"    x = {n}\n" for n in range(FUNCTION_LINES))
    assert too_long(f"def f():\n{body}", ast.parse(f"def f():\n{body}"))
    reasoned = f"def f():\n    # long: one table\n{body}"
    assert not too_long(reasoned, ast.parse(reasoned))


def test_a_long_module_is_seen_and_a_reason_is_taken() -> None:
    source = "x = 1\n" * (MODULE_LINES + 1)
    assert too_long(source, ast.parse(source))
    assert not too_long("# long: generated\n" + source, ast.parse(source))

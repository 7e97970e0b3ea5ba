"""Law 1, the pure middle: model, compiler and planner do no I/O, read no clock, write no log.

import-linter forbids named modules; here is the other direction: what a pure room may import at all, and what it may not call.
"""

from __future__ import annotations

import ast

import pytest

from tests.meta.tree import PURE_ROOMS, SOURCE, parsed, python_files, short

ALLOWED = {
    "__future__", "abc", "array", "base64", "bisect", "collections", "copy", "dataclasses", "enum", "functools", "hashlib", "heapq", "hmac",
    "ipaddress", "itertools", "json", "math", "operator", "re", "string", "struct", "textwrap", "types", "typing", "msgspec", "numpy",
}  # fmt: skip
OURS = {"vxloom.errors", *(f"vxloom.{room}" for room in PURE_ROOMS)}
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "breakpoint", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    "now",
    "today",
    "utcnow",
    "monotonic",
    "perf_counter",
    "random",
    "fromfile",
    "tofile",
    "memmap",
    "loadtxt",
    "savetxt",
}
FILES = python_files(*(f"src/vxloom/{room}" for room in PURE_ROOMS))


def impurities(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found += [f"line {node.lineno}: imports {alias.name}" for alias in names if not _may_import(alias.name)]
            case ast.ImportFrom(module=module, level=0) if module is not None:
                found += [f"line {node.lineno}: imports from {module}" for _ in [0] if not _may_import(module, node)]
            case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
                found.append(f"line {node.lineno}: calls {name}()")
            case ast.Call(func=ast.Attribute(attr=name)) if name in FORBIDDEN_ATTRIBUTES:
                found.append(f"line {node.lineno}: calls .{name}()")
            case ast.Global(names=names):
                found.append(f"line {node.lineno}: global state {', '.join(names)}")
            case ast.AsyncFunctionDef(name=name):
                found.append(f"line {node.lineno}: {name} is async; a pure function has nothing to wait for")
    return found


def _may_import(module: str, node: ast.ImportFrom | None = None) -> bool:
    if module == "vxloom":
        return node is not None and all(f"vxloom.{alias.name}" in OURS for alias in node.names)
    if module.startswith("vxloom."):
        return any(module == ours or module.startswith(f"{ours}.") for ours in OURS)
    return module.partition(".")[0] in ALLOWED


@pytest.mark.parametrize("path", FILES, ids=short)
def test_a_pure_module_touches_nothing_outside_itself(path: object) -> None:
    assert impurities(parsed(path)) == []  # type: ignore[arg-type]


def test_every_pure_room_is_looked_at() -> None:
    assert {path.relative_to(SOURCE).parts[0] for path in FILES} == set(PURE_ROOMS)


@pytest.mark.parametrize(
    "source",
    [
        "import os", "import time", "from datetime import datetime", "from vxloom import store", "import vxloom.dataplane.netlink",
        "import numpy.random as r\nr.random()", "print(1)", "open('x')", "def f():\n  global g", "async def f(): ...",
    ],
)  # fmt: skip
def test_an_impurity_is_seen(source: str) -> None:
    assert impurities(ast.parse(source))

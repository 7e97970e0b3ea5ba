"""Which errors a command answers by itself, read from its own source and that of the functions and transactions it calls.

The reference tells of them; nothing else at run time depends on this. Followed are plain calls (``name(…)``, ``module.name(…)``,
``Class.method(…)``) into the server, and methods of transactions by the names they have everywhere (``tx``, ``rx``). What every command
may answer (an id that names nothing, pages) is left out: the reference has one table of that.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType

from vxloom.errors import RequestError
from vxloom.server import waiting
from vxloom.server.command import Command
from vxloom.store import ReadTransaction, Transaction

_ROOMS = ("vxloom.server.", "vxloom.store.")
_COMMON = ("vxloom.server.command", "vxloom.server.parameters", "vxloom.server.listing", "vxloom.store.engine")
"""What these raise any command may answer."""
_OBJECTS = {"tx": Transaction, "rx": ReadTransaction}
_CODES = {RequestError: 431, waiting.fail: 530}
"""What makes an error, and its code where none is given."""
_LEFT_OUT = "…"


def errors_of(command: Command) -> list[tuple[int, str]]:
    """Return code and text of every error a command makes, by code; a value inside a text is shown as ``…``."""
    module = inspect.getmodule(type(command))
    if module is None:
        return []
    found = dict.fromkeys(_made(ast.parse(inspect.getsource(module)), vars(module), set()))
    return sorted(found, key=lambda error: error[0])


def _made(tree: ast.AST, names: Mapping[str, object], seen: set[object]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        called = resolved(node.func, names) if isinstance(node, ast.Call) else None
        if called in _CODES and isinstance(node, ast.Call):
            yield from _told(node, _CODES[called])
        elif isinstance(called, FunctionType) and _followed(called.__module__) and called not in seen:
            seen.add(called)
            yield from _made(tree_of(called), called.__globals__, seen)


def _followed(module: str) -> bool:
    return module.startswith(_ROOMS) and module not in _COMMON


@cache
def tree_of(function: FunctionType) -> ast.AST:
    """Return a function's source as a tree."""
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def resolved(node: ast.expr, names: Mapping[str, object]) -> object:
    """Return the function or class an expression like ``name`` or ``module.name`` stands for; None: only known when it runs."""
    found: object = None
    if isinstance(node, ast.Name):
        found = names.get(node.id, _OBJECTS.get(node.id))
        if node.id == "self" and str(names.get("__name__")).startswith("vxloom.store."):
            found = Transaction
    elif isinstance(node, ast.Attribute):
        owner = Transaction if node.attr == "tx" else resolved(node.value, names)  # step.tx
        found = owner if node.attr == "tx" else getattr(owner, node.attr, None) if isinstance(owner, ModuleType | type) else None
    return inspect.unwrap(found) if callable(found) else found


def _told(call: ast.Call, code: int) -> Iterator[tuple[int, str]]:
    given = {word.arg: word.value for word in call.keywords}
    if "code" in given:
        stated = given["code"]
        if not isinstance(stated, ast.Constant) or not isinstance(stated.value, int):
            return
        code = stated.value
    texts = [text for argument in call.args if (text := _text(argument)).strip(f"{_LEFT_OUT} ")]
    yield from ((code, text) for text in texts[:1])


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    return _LEFT_OUT

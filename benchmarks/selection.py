"""Which cases there are, which rows each brings, and how a person asks for some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CASES: Final[Mapping[str, tuple[str, ...]]] = {
    "fdb": ("fdb", "fdb-processes"),
    "path100k": ("path100k", "path100k-flat"),
    "networks": ("networks", "networks-processes"),
    "noop": ("noop",),
    "delete1000": ("delete1000", "delete1000-delay", "delete1000-bridges"),
    "doctor": ("doctor-host", "doctor"),
    "drift": ("drift-p50", "drift-p99"),
    "api": ("api-p50", "api-p99"),
    "lists": ("lists-p50", "lists-p99", "lists-rate", "create-network-rate", "server-memory"),
    "why": ("why-host", "why-p50", "why-p99"),
    "allow": ("allow-packets", "allow-throughput", "allow-add"),
    "paths": ("probe-rate", "probe-direction", "probe-load", "path-sample"),
    "guest": ("guest-throughput", "guest-packets", "guest-rtt-p50", "guest-rtt-p99"),
}
"""Case (a module of ``benchmarks.cases`` with a function ``run``) → its rows, in the order they are told."""


def select(only: str) -> dict[str, frozenset[str]]:
    """Return case → rows asked for; everything for the empty text.

    A case or a row is meant by its name; failing that by how names begin; failing that by a part of names.
    Several are separated by commas. Raises ``LookupError`` naming what there is.
    """
    chosen: dict[str, set[str]] = {}
    for word in filter(None, (part.strip() for part in only.split(","))):
        for case, rows in _meant(word).items():
            chosen.setdefault(case, set()).update(rows)
    if not only.strip():
        chosen = {case: set(rows) for case, rows in CASES.items()}
    return {case: frozenset(chosen[case]) for case in CASES if case in chosen}


def _meant(word: str) -> dict[str, tuple[str, ...]]:
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found: dict[str, tuple[str, ...]] = {}
        for case, rows in CASES.items():
            some = rows if fits(case, word) else tuple(name for name in rows if fits(name, word))
            if some:
                found[case] = some
        if found:
            return found
    raise LookupError(f"no row is called {word!r}; there are: {', '.join(name for rows in CASES.values() for name in rows)}")

"""The boundary to whoever runs guests on this host: which tap belongs to which NIC.

A source is told which ports are to be here; it answers which tap each has. It never touches a bridge, a filter or a
row: that is the dataplane's. An ``active``, running port's guest runs; an ``incoming`` one's is prepared only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vxloom.model.host import PortDocument
from vxloom.model.intent import BindingState


@dataclass(frozen=True, slots=True)
class Plug:
    """A NIC's tap on this host. ``state``: "running", "prepared", or "absent" (no tap yet: it may come later)."""

    nic: str
    tap: str
    state: str
    problem: str = ""


class Source(Protocol):
    """One kind of guest on this host."""

    def ensure(self, ports: Sequence[PortDocument], mtus: dict[int, int]) -> tuple[Plug, ...]:
        """Make (or find) a tap for every port; ``mtus``: VNI → inner MTU in bytes. A problem is told per port, never raised."""
        ...

    def remove(self, keep: Sequence[PortDocument], *, prune: bool) -> tuple[str, ...]:
        """Remove guests of ours that none of ``keep`` names (only if ``prune``); return the ids of NICs removed."""
        ...


def wanted_up(port: PortDocument) -> bool:
    """Tell whether a port's guest is to send: bound here, active and running."""
    return port.running and port.state is BindingState.ACTIVE

"""What the API needs of the gateway: the hosts as they are this moment. The gateway implements it; tests have a stand-in.

Every method may be called from any thread; none but :meth:`Fleet.ask` waits for a host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from vxloom.model.wire import Report
from vxloom.server.health import Health
from vxloom.store import Transaction


class Fleet(Protocol):
    """The hosts with a stream."""

    def live(self) -> frozenset[str]:
        """Return the ids of the hosts that have a stream now."""

    def report(self, host: str) -> Report | None:
        """Return the last report of a host on its present stream."""

    def health(self, host: str) -> Health | None:
        """Return what a host's hardware says, None when it has told nothing on its present stream."""

    def strained(self) -> Mapping[str, str]:
        """Return host id → why it is the last choice for a machine: too hot, or without redundant links."""

    def ask(self, host: str, what: str, timeout: float, about: bytes = b"") -> bytes:
        """Return a host's answer (JSON) to a word of :mod:`vxloom.model.wire`, ``about`` saying what exactly (JSON).

        Raises :class:`vxloom.errors.TransportError` after ``timeout`` seconds.
        """

    def confirm(self, host: str) -> None:
        """Tell a holding host that a person confirmed; raises :class:`vxloom.errors.TransportError` when it has no stream."""

    def cut(self, host: str) -> None:
        """End the stream of a removed host now; nothing happens when there is none."""

    def reconnect(self, host: str) -> None:
        """End a host's stream, so that it greets anew; raises :class:`vxloom.errors.TransportError` when it has none."""

    def simulate(self, host: str) -> None:
        """Start a simulated host that is in the store; it has a stream when this returns."""

    def issue_token(self, zone: str, name: str, actor: str, tx: Transaction | None = None) -> str:
        """Return the text of a new one-time join token for a host of that name in that zone; with ``tx``, written in that transaction."""

"""Who stands in the door: connections that have not shown a certificate of ours. Bounded, and fair between addresses.

Whoever floods the gateway pushes out its own connections first: over the limit the oldest one of the address with the most goes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

LIMIT = 2048
"""Connections in the door; after a server's restart thousands of hosts come at once, each from its own address."""


class Door:
    """Tasks of connections, by address. In the loop only."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._standing: defaultdict[str, dict[asyncio.Task[None], None]] = defaultdict(dict)  # ordered: the oldest first
        self._count = 0

    def enter(self, address: str, task: asyncio.Task[None]) -> None:
        """Take a connection in; when there are too many, one is cancelled to make room."""
        self._standing[address][task] = None
        self._count += 1
        if self._count > self._limit:
            crowd = max(self._standing, key=lambda known: len(self._standing[known]))
            oldest = next(iter(self._standing[crowd]))
            self.leave(crowd, oldest)
            oldest.cancel()

    def leave(self, address: str, task: asyncio.Task[None]) -> None:
        """Let a connection go: it has shown a certificate, or it ended. A second time nothing happens."""
        tasks = self._standing.get(address)
        if tasks is None or task not in tasks:
            return
        del tasks[task]
        self._count -= 1
        if not tasks:
            del self._standing[address]

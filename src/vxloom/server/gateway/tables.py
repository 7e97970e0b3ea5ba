"""Compiled segments and their encoded messages: encoded once per change, whatever the number of hosts."""

from __future__ import annotations

from collections import OrderedDict

from vxloom.model.segment import SegmentTable, changes
from vxloom.model.wire import delta_message, encode, table_message

Held = tuple[int, int]
"""(revision, digest) of a table an agent holds."""

_HISTORY = 6


class Segment:
    """One segment as the gateway sends it: the present table, a few earlier ones for deltas, and messages made on demand."""

    def __init__(self, table: SegmentTable, epoch: str) -> None:
        self._epoch = epoch
        self._table = table
        self._now: Held = (table.revision, table.digest(epoch))
        self._earlier: OrderedDict[Held, SegmentTable] = OrderedDict()
        self._snapshot: bytes | None = None
        self._deltas: dict[Held, bytes] = {}
        self.encodings = 0
        """How many messages were encoded, for the promise in this module's first line."""

    @property
    def now(self) -> Held:
        """Revision and digest of the present table."""
        return self._now

    @property
    def network(self) -> str:
        """Network id."""
        return self._table.head.network

    def replace(self, table: SegmentTable) -> bool:
        """Take a newer compilation; return whether there is anything to send."""
        then: Held = (table.revision, table.digest(self._epoch))
        if then == self._now or table.revision < self._now[0]:
            return False
        self._earlier[self._now] = self._table
        while len(self._earlier) > _HISTORY:
            self._earlier.popitem(last=False)
        self._table, self._now, self._snapshot, self._deltas = table, then, None, {}
        return True

    def message_for(self, held: Held | None) -> bytes | None:
        """Return what brings an agent that holds ``held`` up to date: nothing, changes, or the whole table."""
        if held == self._now:
            return None
        if held is not None:
            delta = self._delta(held)
            if delta is not None:
                return delta
        if self._snapshot is None:
            self._snapshot = self._encoded(encode(table_message(self._table, self._epoch)))
        return self._snapshot

    def _delta(self, held: Held) -> bytes | None:
        made = self._deltas.get(held)
        if made is None:
            start = self._start(held)
            if start is None:
                return None
            made = self._encoded(encode(delta_message(changes(start, self._table, self._epoch))))
            self._deltas[held] = made
        return made

    def _start(self, held: Held) -> SegmentTable | None:
        earlier = self._earlier.get(held)
        if earlier is not None:
            return earlier
        revision, digest = held
        if digest == self._now[1] and revision < self._now[0]:
            # Same content under an older revision (this server has restarted meanwhile): changes without rows.
            table = self._table
            return SegmentTable(table.head, revision, table.members, table.ports, table.addresses)
        return None

    def _encoded(self, message: bytes) -> bytes:
        self.encodings += 1
        return message

"""Writing: rows, marks of what changed, and the revision taken as a transaction's last act."""

from __future__ import annotations

import secrets
from collections import defaultdict
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from vxloom.store import records as r
from vxloom.store.conditions import chunks, conditions
from vxloom.store.engine import request_error
from vxloom.store.reading import ReadTransaction
from vxloom.store.schema import TABLES

Record = TypeVar("Record")
PENDING = -1
"""Stands where a revision belongs until commit: it is known last, so that commit order is revision order."""


def columns_of(row: object) -> dict[str, Any]:
    """Return a record as column → value."""
    return {column.name: getattr(row, column.name) for column in TABLES[type(row)].columns}


class WriteTransaction(ReadTransaction):
    """Rows and revisions; `Transaction` adds what the rows mean."""

    def __init__(self, connection: sa.Connection, epoch: str, actor: str) -> None:
        super().__init__(connection, epoch)
        self.actor = actor
        self.revisions: dict[str, int] = {}
        """Zone id → revision taken; filled at commit."""
        self._segments: dict[str, tuple[str, int, str]] = {}  # network id → (zone, VNI, op)
        self._hosts: dict[str, tuple[str, str]] = {}  # host id → (zone, op)
        self._stamps: defaultdict[tuple[str, type, str], set[str]] = defaultdict(set)  # (zone, kind, field) → row ids

    # --- rows

    def add(self, row: Record) -> Record:
        """Insert a row and return it. Raises :class:`RequestError` if it clashes with another or refers to nothing."""
        try:
            self.connection.execute(sa.insert(TABLES[type(row)]), columns_of(row))
        except IntegrityError as error:
            raise request_error(error, type(row).__name__) from error
        return row

    def add_all(self, rows: list[Record]) -> None:
        """Insert many rows of one kind at once; errors as :meth:`add`."""
        if not rows:
            return
        try:
            self.connection.execute(sa.insert(TABLES[type(rows[0])]), [columns_of(row) for row in rows])
        except IntegrityError as error:
            raise request_error(error, type(rows[0]).__name__) from error

    def update(self, kind: type[Record], key: str, /, **values: object) -> Record:
        """Set fields of a row and return it anew. Raises :class:`LookupError` if there is none."""
        table = TABLES[kind]
        if unknown := set(values) - set(table.c.keys()):
            raise KeyError(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
        try:
            if values:
                self.connection.execute(sa.update(table).where(table.c.id == key).values(**values))
        except IntegrityError as error:
            raise request_error(error, kind.__name__) from error
        row = self.get(kind, key)
        if row is None:
            raise LookupError(f"no {kind.__name__} {key}")
        return row

    def delete(self, kind: type[object], key: str, /) -> None:
        """Delete a row, or do nothing if there is none. Raises :class:`RequestError` 536 while something refers to it."""
        self._delete(kind, TABLES[kind].c.id == key)

    def delete_where(self, kind: type[object], /, **where: object) -> int:
        """Delete the rows that meet all conditions (at least one) and return how many."""
        if not where:
            raise ValueError(f"delete every {kind.__name__}? give a condition")
        return self._delete(kind, *conditions(kind, where))

    def _delete(self, kind: type[object], *where: sa.ColumnElement[bool]) -> int:
        try:
            return int(self.connection.execute(sa.delete(TABLES[kind]).where(*where)).rowcount)
        except IntegrityError as error:
            raise request_error(error, kind.__name__, deleting=True) from error

    # --- what changed

    def touch_segment(self, network_id: str) -> None:
        """Mark a network's segment as changed. Without a VNI it is no segment, and nothing is marked."""
        if network_id in self._segments:
            return
        network = self.get(r.Network, network_id)
        if network is not None and network.vni is not None:
            self._segments[network_id] = (network.zone, network.vni, "put")

    def touch_host(self, host_id: str) -> None:
        """Mark a host's document as changed."""
        if host_id in self._hosts:
            return
        host = self.get(r.Host, host_id)
        if host is not None:
            self._hosts[host_id] = (host.zone, "put")

    def _gone_segment(self, network: r.Network) -> None:
        if network.vni is not None:
            self._segments[network.id] = (network.zone, network.vni, "gone")

    def _gone_host(self, host: r.Host) -> None:
        self._hosts[host.id] = (host.zone, "gone")

    def _stamp(self, zone: str, kind: type, field: str, *keys: str) -> None:
        """Have the zone's revision of this transaction written into a field of these rows at commit."""
        self._stamps[zone, kind, field].update(keys)

    def _unstamp(self, zone: str, kind: type, field: str, key: str) -> None:
        self._stamps[zone, kind, field].discard(key)

    # --- commit

    def finish(self) -> None:
        """Take the revisions: the last statements of the transaction. Called by the store."""
        zones = {zone for zone, *_ in self._segments.values()} | {zone for zone, _ in self._hosts.values()}
        zones |= {zone for (zone, _, _), keys in self._stamps.items() if keys}
        for zone in sorted(zones):  # one order for everybody: two writers of two zones cannot wait for each other
            revision = self._next_revision(zone)
            if revision:
                self._write_revision(zone, revision)

    def _next_revision(self, zone: str) -> int:
        table = TABLES[r.Zone]
        statement = sa.update(table).where(table.c.id == zone).values(revision=table.c.revision + 1).returning(table.c.revision)
        return int(self.connection.execute(statement).scalar() or 0)  # 0: the zone itself was deleted

    def _write_revision(self, zone: str, revision: int) -> None:
        self.revisions[zone] = revision
        nonce = secrets.token_hex(8)
        changed = [
            r.Change(zone=zone, revision=revision, kind="segment", key=key, vni=vni, op=op)
            for key, (where, vni, op) in self._segments.items()
            if where == zone
        ]
        changed += [
            r.Change(zone=zone, revision=revision, kind="host", key=key, op=op) for key, (where, op) in self._hosts.items() if where == zone
        ]
        self.add(r.Revision(zone=zone, revision=revision, nonce=nonce, actor=self.actor))
        self.add_all(changed)
        self._set(r.Network, "revision", revision, {change.key for change in changed if change.kind == "segment"})
        self._set(r.Host, "revision", revision, {change.key for change in changed if change.kind == "host"})
        for (where, kind, field), keys in self._stamps.items():
            if where == zone:
                self._set(kind, field, revision, keys)

    def _set(self, kind: type, field: str, value: object, keys: set[str]) -> None:
        table = TABLES[kind]
        for part in chunks(keys):
            self.connection.execute(sa.update(table).where(table.c.id.in_(part)).values({field: value}))

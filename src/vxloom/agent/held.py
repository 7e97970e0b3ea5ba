"""What the agent holds as true, and the rules by which the server's word changes it (law 6). Pure.

A host *holds* when the store behind the server is not the one it knew: another epoch (restored, empty or wrong
database), a lower revision, or a history that lacks the host's last revision. While it holds, the host keeps
exactly what it had (``base``), and applies only what changes after the new store's first word (``first``): a
restored store's first word is old news, its changes are not. Nothing is removed until a person confirms.

A restored store may also give a VNI this host still uses to another network. Two tenants on one bridge would be worse than
a guest that waits: such a port is left out until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from vxloom.model.host import HostDocument
from vxloom.model.rows import Rows, difference, union
from vxloom.model.segment import SegmentTable

Tables = Mapping[int, SegmentTable]
_IDENTITY = {"members": ["host"], "ports": ["mac"], "addresses": ["hi", "lo"]}


@dataclass(frozen=True, slots=True)
class Word:
    """What a server said: the host document and the segments' tables."""

    document: HostDocument | None = None
    tables: Tables = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """The agent's belief. ``said`` is the server's latest word; ``base`` and ``first`` exist only while holding."""

    epoch: str = ""
    revision: int = 0
    nonce: str = ""
    said: Word = field(default_factory=Word)
    holding: str = ""
    """Why nothing is pruned; empty when all is well."""
    base: Word | None = None
    first: Word | None = None
    loss: bool = False
    """Holding because ports vanished, not because the store is another: only a person ends it."""
    session_epoch: str = ""
    """Epoch of the store at the other end of the stream, under which digests on it are made."""
    heard: tuple[int, str] = (0, "")
    """While holding: revision and nonce of the latest ``Current``, which a confirmation makes the mark. Not kept on disk."""
    doubt: str = ""
    """Why what was known before may be more than this (no state on disk, or a torn one); nothing is pruned while it lasts."""

    def effective(self) -> Word:
        """Return what this host is to be: the server's word, or, while holding, the base and what changed since."""
        if self.base is None:
            return self.said
        first = self.first or Word()
        return Word(_merge_documents(self.base, first, self.said), _merge_tables(self.base, first, self.said))

    def contested(self) -> tuple[int, ...]:
        """Return VNIs of segments kept here which are another network's in the database we hold against."""
        base = self.base.tables if self.base else {}
        return tuple(sorted(vni for vni, table in self.said.tables.items() if vni in base and base[vni].head.network != table.head.network))

    def known(self) -> dict[int, tuple[int, int]]:
        """Return VNI → (revision, digest) of all segments here; (0, 0) where the store that knows ``revision`` did not say so.

        Those count too: a store that never heard of a VNI must not give it away while it is in use here (law 7).
        """
        here = {need.vni for word in (self.base, self.said) if word and word.document for need in word.document.segments}
        segments = dict.fromkeys(here, (0, 0))
        epoch = self.session_epoch or self.epoch
        if self.base is None or self.loss:
            segments |= {vni: (table.revision, table.digest(epoch)) for vni, table in self.said.tables.items()}
        return segments


def welcomed(held: Held, epoch: str, *, lineage: bool) -> Held:
    """Return the belief after a server introduced itself."""
    if held.said.document is None and held.base is None:
        return replace(held, epoch=epoch, session_epoch=epoch)
    if held.base is None and epoch == held.epoch and lineage:
        return replace(held, session_epoch=epoch)
    known = epoch == held.epoch and lineage
    if held.base is not None and epoch == held.session_epoch and known == held.loss:
        return held  # a new stream to the store we are holding against: go on
    if known:  # the store we knew is back: its word counts again, measured against what we kept
        return replace(held, session_epoch=epoch, holding="", base=None, first=None, loss=False, said=held.effective())
    reason = (
        f"the server's database is another one (epoch {epoch[:8]}, known {held.epoch[:8]})"
        if epoch != held.epoch
        else f"the server's history lacks this host's revision {held.revision}"
    )
    kept = held.effective()
    return replace(held, session_epoch=epoch, holding=reason, base=kept, first=Word(), said=Word(), loss=False, heard=(0, ""))


def documented(held: Held, document: HostDocument) -> Held:
    """Return the belief after a host document. Ports that vanish without a tombstone are kept, and the host holds."""
    before = held.said.document
    if held.base is None and before is not None:
        lost = vanished(before, document)
        if lost or document.revision < before.revision:
            reason = f"{len(lost)} port(s) vanished without a tombstone" if lost else "the host document's revision went back"
            held = replace(held, holding=reason, base=held.said, first=Word(document, held.said.tables), loss=True, heard=(0, ""))
    first = held.first
    if held.base is not None and first is not None and first.document is None:
        first = replace(first, document=document)
    needed = {need.vni for need in document.segments}
    tables = {vni: table for vni, table in held.said.tables.items() if vni in needed}
    return replace(held, said=Word(document, tables), first=first)


def tabled(held: Held, table: SegmentTable) -> Held:
    """Return the belief after a segment's table (a snapshot, or a delta already applied)."""
    first = held.first
    if held.base is not None and first is not None and table.vni not in first.tables:
        first = replace(first, tables={**first.tables, table.vni: table})
    return replace(held, said=replace(held.said, tables={**held.said.tables, table.vni: table}), first=first)


def reached(held: Held, revision: int, nonce: str) -> Held:
    """Return the belief after ``Current``. While holding, the known history's mark is kept."""
    if held.base is not None:
        return replace(held, heard=(revision, nonce))
    return replace(held, revision=revision, nonce=nonce)


def confirmed(held: Held, epoch: str) -> Held:
    """Return the belief after a person confirmed: the word of this epoch's store is the truth, also what it lacks.

    A host that did not hold keeps its mark in the history; one that did takes this store's. Without a word there is
    nothing to confirm.
    """
    if epoch != held.session_epoch or held.said.document is None:
        return held
    held = replace(held, doubt="")
    if held.base is None:
        return held
    revision, nonce = held.heard
    return replace(held, epoch=epoch, revision=revision, nonce=nonce, holding="", base=None, first=None, loss=False)


def vanished(before: HostDocument, after: HostDocument) -> frozenset[str]:
    """Return NIC ids that ``before`` had and ``after`` neither has nor declares gone."""
    here = {_nic(raw) for raw in after.ports}
    return frozenset(_nic(raw) for raw in before.ports) - here - set(after.gone_ports)


class _Place(msgspec.Struct):
    """All that merging must read of a port: also of one whose other fields this version does not know."""

    nic: str = "?"
    vni: int = 0


def _place(raw: msgspec.Raw) -> _Place:
    try:
        return msgspec.msgpack.decode(raw, type=_Place)
    except msgspec.DecodeError:
        return _Place()  # it is refused when it is compiled, and said so


def _nic(raw: msgspec.Raw) -> str:
    return _place(raw).nic


def _merge_documents(base: Word, first: Word, said: Word) -> HostDocument | None:
    if said.document is None or base.document is None:
        return base.document or said.document
    old = {bytes(raw) for raw in first.document.ports} if first.document else set()
    ports = {_nic(raw): raw for raw in base.document.ports}
    kept = {need.vni for need in base.document.segments}
    for raw in said.document.ports:
        place = _place(raw)
        if bytes(raw) not in old and (place.vni not in kept or _same_network(base, said, place.vni)):
            ports[place.nic] = raw
    needs = {need.vni: need for need in said.document.segments} | {need.vni: need for need in base.document.segments}
    used = {_place(raw).vni for raw in ports.values()}
    return msgspec.structs.replace(
        said.document,
        ports=tuple(ports.values()),
        segments=tuple(need for vni, need in sorted(needs.items()) if vni in used),
        gone_ports=(),
        gone_segments=(),
    )


def _same_network(base: Word, said: Word, vni: int) -> bool:
    """Tell whether a VNI means one network in both words. Unknown is not the same."""
    here, there = base.tables.get(vni), said.tables.get(vni)
    return here is not None and there is not None and here.head.network == there.head.network


def _merge_tables(base: Word, first: Word, said: Word) -> Tables:
    kept = {need.vni for need in base.document.segments} if base.document else set()
    # Of a segment kept here whose table was lost the rows are unknown, and left alone; the other store's would be old news.
    merged = {**{vni: table for vni, table in said.tables.items() if vni not in kept}, **base.tables}
    for vni, now in said.tables.items():
        held, start = base.tables.get(vni), first.tables.get(vni)
        if held is None or start is None or not _same_network(base, said, vni):
            continue
        members, ports, addresses = (
            _overlay(getattr(held, name), difference(getattr(now, name), getattr(start, name)), identity)
            for name, identity in _IDENTITY.items()
        )
        merged[vni] = replace(held, revision=now.revision, members=members, ports=ports, addresses=addresses)
    return merged


def _overlay(old: Rows, news: Rows, identity: list[str]) -> Rows:
    """Return ``old`` with ``news`` put over it: a new row replaces the old one of the same identity."""
    if not len(news):
        return old
    fresh = {tuple(row) for row in news[identity].tolist()}
    keep = [tuple(row) not in fresh for row in old[identity].tolist()]
    return union(old[keep], news)

"""Intent → segment tables: who is in a layer-2 segment and where. The server's half of the compiler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from vxloom.compiler.packing import NOWHERE, U64, pack_ips, pack_macs, pack_mixed, pack_one_ip
from vxloom.model.addresses import IpPair
from vxloom.model.intent import Binding, BindingState, Intent, Network, Nic
from vxloom.model.rows import ADDRESS, MEMBER, PORT, SHARED, Rows, table
from vxloom.model.segment import SegmentHead, SegmentTable


def compile_segments(intent: Intent) -> dict[int, SegmentTable]:
    """Return one table per VNI of the intent's networks, at the intent's revision.

    A NIC lives on the host of its active binding of highest sequence. A bound NIC that does not run makes its
    host a member and has no rows. Contradictions (:func:`vxloom.compiler.validate.validate` names them) never stop the
    compiler: of two networks with one VNI the lower id is compiled, of two NICs with one MAC or IP the later move.
    """
    places = _places(intent)
    nics: defaultdict[str, list[Nic]] = defaultdict(list)
    for nic in intent.nics:
        nics[nic.network].append(nic)
    tables: dict[int, SegmentTable] = {}
    for network in sorted(intent.networks, key=lambda network: network.id):
        if network.vni not in tables:
            tables[network.vni] = _table(intent, network, nics[network.id], places)
    return tables


def active_binding(bindings: Iterable[Binding]) -> Binding | None:
    """Return the binding that tells where a NIC lives: active, of the highest sequence (of equal ones the lower host id)."""
    best: Binding | None = None
    for binding in bindings:
        if binding.state is not BindingState.ACTIVE:
            continue
        if best is None or binding.sequence > best.sequence or (binding.sequence == best.sequence and binding.host < best.host):
            best = binding
    return best


@dataclass(frozen=True, slots=True)
class _Place:
    number: int
    vtep: IpPair


@dataclass(slots=True)
class _Columns:
    """Python lists while NICs are walked; they become arrays at once."""

    members: set[str] = field(default_factory=set)
    macs: list[str] = field(default_factory=list)
    hosts: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    ips: list[str] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    """Position of each IP's NIC in ``macs``."""
    sharing: list[tuple[int | None, Nic]] = field(default_factory=list)
    """NICs with shared addresses, and their position in ``macs`` (None: not published)."""


def _places(intent: Intent) -> dict[str, _Place]:
    """Return the hosts that can be sent to: those whose VTEP is an address."""
    packed = {host.id: _Place(host.number, pack_one_ip(host.vtep)) for host in intent.hosts}
    return {key: place for key, place in packed.items() if place.vtep != NOWHERE}


def _table(intent: Intent, network: Network, nics: list[Nic], places: Mapping[str, _Place]) -> SegmentTable:
    columns = _walk(nics, places)
    macs = pack_macs(columns.macs)
    head = SegmentHead(network.vni, network.id, network.name, network.tenant, network.mtu, intent.udp_port)
    members = table(MEMBER, ((places[host].number, *places[host].vtep) for host in columns.members))
    sharing = _Sharing.of(columns)
    return SegmentTable(head, intent.revision, members, _ports(columns, macs, sharing), _addresses(columns, macs, sharing))


def _walk(nics: list[Nic], places: Mapping[str, _Place]) -> _Columns:
    columns = _Columns()
    for nic in nics:
        columns.members.update([binding.host for binding in nic.bindings if binding.host in places])
        active = active_binding(nic.bindings) if nic.running else None
        position = None
        if active is not None and active.host in places:
            position = len(columns.macs)
            columns.macs.append(nic.mac)
            columns.hosts.append(places[active.host].number)
            columns.sequences.append(active.sequence)
            columns.ips.extend(nic.ips)
            columns.owners.extend([position] * len(nic.ips))
        if nic.shared:
            columns.sharing.append((position, nic))
    return columns


@dataclass(frozen=True, slots=True)
class _Sharing:
    """Shared addresses of a segment, and which published NIC holds them."""

    macs: frozenset[int]
    ips: frozenset[IpPair]
    unheld: frozenset[int]
    """Positions of NICs whose own MAC is shared and held elsewhere."""
    held_macs: tuple[tuple[int, int], ...]
    """(MAC, position of the holder)."""
    held_ips: tuple[tuple[int, int, int], ...]
    """(hi, lo, position of the holder)."""

    @classmethod
    def of(cls, columns: _Columns) -> _Sharing:
        macs: set[int] = set()
        ips: set[IpPair] = set()
        unheld: set[int] = set()
        held_macs: list[tuple[int, int]] = []
        held_ips: list[tuple[int, int, int]] = []
        for position, nic in columns.sharing:
            shared, held, own = pack_mixed(nic.shared), pack_mixed(nic.held), pack_mixed([nic.mac]).macs
            macs |= shared.macs
            ips |= shared.ips
            if position is None:
                continue
            if (own & shared.macs) - held.macs:
                unheld.add(position)
            held_macs.extend((mac, position) for mac in (held.macs & shared.macs) - own)
            held_ips.extend((*ip, position) for ip in held.ips & shared.ips)
        return cls(frozenset(macs), frozenset(ips), frozenset(unheld), tuple(held_macs), tuple(held_ips))


def _ports(columns: _Columns, macs: U64, sharing: _Sharing) -> Rows:
    positions = np.arange(len(macs))
    if sharing.unheld:
        positions = np.setdiff1d(positions, np.array(sorted(sharing.unheld)))
    holders = np.array([position for _, position in sharing.held_macs], np.intp)
    positions = np.concatenate([positions, holders])
    rows = np.zeros(len(positions), PORT)
    rows["mac"] = np.concatenate([macs[positions[: len(positions) - len(holders)]], _u64(mac for mac, _ in sharing.held_macs)])
    rows["host"] = np.array(columns.hosts, np.uint32)[positions]
    if sharing.macs:
        rows["flags"] = np.where(np.isin(rows["mac"], _u64(sharing.macs)), SHARED, 0)
    return _latest(rows, ("mac",), np.array(columns.sequences, np.int64)[positions])


def _addresses(columns: _Columns, macs: U64, sharing: _Sharing) -> Rows:
    high, low = pack_ips(columns.ips)
    owners = np.array(columns.owners + [position for *_, position in sharing.held_ips], np.intp)
    rows = np.zeros(len(owners), ADDRESS)
    rows["hi"] = np.concatenate([high, _u64(hi for hi, _, _ in sharing.held_ips)])
    rows["lo"] = np.concatenate([low, _u64(lo for _, lo, _ in sharing.held_ips)])
    rows["mac"] = macs[owners]
    if sharing.ips:
        pairs = zip(rows["hi"].tolist(), rows["lo"].tolist(), strict=True)
        rows["flags"] = [SHARED if pair in sharing.ips else 0 for pair in pairs]
    return _latest(rows, ("hi", "lo"), np.array(columns.sequences, np.int64)[owners])


def _latest(rows: Rows, identity: tuple[str, ...], sequences: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Rows:
    """Return one row per identity, the one of the highest sequence (of equals the lowest row), sorted; rows without an address left out."""
    real = (rows["mac"] != 0) & np.logical_or.reduce([rows[name] != 0 for name in identity])
    rows, sequences = rows[real], sequences[real]
    names = rows.dtype.names or ()
    rest = [rows[name] for name in reversed(names) if name not in identity]
    order = np.lexsort([*rest, -sequences, *[rows[name] for name in reversed(identity)]])
    ordered = rows[order]
    first = np.ones(len(ordered), bool)
    first[1:] = np.logical_or.reduce([ordered[name][1:] != ordered[name][:-1] for name in identity])
    return ordered[first]


def _u64(values: Iterable[int]) -> U64:
    return np.array(sorted(values) if isinstance(values, frozenset) else list(values), np.uint64)

"""Host document + segment tables → the desired state of one host. The agent's half of the compiler.

The passes are one explicit tuple, :data:`PASSES`; each reads the :class:`Sight` and adds to the :class:`Draft`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vxloom.compiler.packing import pack_mac, pack_one_ip
from vxloom.errors import IntentError
from vxloom.model.addresses import V4_MAPPED, IpPair, format_mac, is_v4, parse_ip, parse_mac
from vxloom.model.filters import ALLOW_VERSION, RULESET_VERSION
from vxloom.model.host import HostDocument, PortDocument, RefusedPort, decode_ports
from vxloom.model.intent import BindingState
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, SHARED, Rows, canonical
from vxloom.model.segment import SegmentTable
from vxloom.model.state import (
    AllowList,
    AllowTable,
    Bridge,
    FilterTable,
    HostState,
    Key,
    PortFilter,
    Resource,
    SegmentRows,
    Tap,
    VxlanDevice,
    bridge_name,
    vxlan_name,
)
from vxloom.model.vteps import Vteps

MTU_V4, MTU_V6 = 1450, 1430
"""Inner MTU (bytes) over a 1500-byte underlay, while a segment's table, which tells the real one, is not there yet."""


def compile_host(document: HostDocument, segments: Mapping[int, SegmentTable]) -> HostState:
    """Return all that is to stand on the document's host, and nothing else.

    Only segments the document names are built; of one whose table has not come yet the links stand and the rows
    are left out altogether (unknown, not empty: the planner leaves what is there alone). Ports that cannot be read are
    refused, see :func:`admit`.
    """
    sight = _see(document, segments)
    draft = Draft()
    for apply in PASSES:
        apply(sight, draft)
    return HostState(resources=draft.resources, rows=draft.rows)


def admit(document: HostDocument) -> tuple[tuple[PortDocument, ...], tuple[RefusedPort, ...]]:
    """Return the ports to bind and those refused: an unknown security field, an address nobody can read, no segment. Fails closed."""
    ports, refused = decode_ports(document)
    needed = {need.vni for need in document.segments}
    good: list[PortDocument] = []
    bad = list(refused)
    for port in ports:
        try:
            _check(port, needed)
        except IntentError as error:
            bad.append(RefusedPort(port.nic, str(error)))
        else:
            good.append(port)
    return tuple(good), tuple(bad)


def bridge_mac(number: int, vni: int) -> str:
    """Return a bridge's address: ``0e``, host number (16 bits), VNI (24 bits). Locally administered, unicast, the same after a restart."""
    return format_mac(0x0E << 40 | (number & 0xFFFF) << 24 | vni)


@dataclass(frozen=True, slots=True)
class Sight:
    """All a pass may look at."""

    document: HostDocument
    tables: Mapping[int, SegmentTable]
    """Of needed segments, where they have come."""
    ports: tuple[PortDocument, ...]
    """Admitted, in the order of their NIC ids."""
    local: Mapping[str, frozenset[int]]
    """Tap → MACs that live on it now. A MAC lives on one tap of a segment at most."""

    @property
    def vnis(self) -> tuple[int, ...]:
        """The segments to build."""
        return tuple(need.vni for need in self.document.segments)

    def mtu(self, vni: int) -> int:
        """Return the segment's inner MTU, bytes."""
        if vni in self.tables:
            return self.tables[vni].head.mtu
        return MTU_V4 if is_v4(*pack_one_ip(self.document.vtep)) else MTU_V6


@dataclass(slots=True)
class Draft:
    """What the passes have made so far."""

    resources: dict[Key, Resource] = field(default_factory=dict)
    rows: dict[int, SegmentRows] = field(default_factory=dict)

    def add(self, resource: Resource) -> None:
        """Add a resource."""
        self.resources[resource.key] = resource


def _bridges(sight: Sight, draft: Draft) -> None:
    for vni in sight.vnis:
        draft.add(Bridge(bridge_name(vni), vni, bridge_mac(sight.document.number, vni), sight.mtu(vni)))


def _vxlan_devices(sight: Sight, draft: Draft) -> None:
    document = sight.document
    for vni in sight.vnis:
        draft.add(VxlanDevice(vxlan_name(vni), vni, document.vtep, document.udp_port, sight.mtu(vni), bridge_name(vni), df=document.df))


def _allow_table(sight: Sight, draft: Draft) -> None:
    """A host without segments holds nothing of ours, so no table either."""
    if sight.vnis:
        draft.add(AllowTable(sight.document.udp_port, ruleset=ALLOW_VERSION))


def _allow_lists(sight: Sight, draft: Draft) -> None:
    """Per segment its other members, not the union: a host that left a segment, or the cloud, is in no list of that VNI."""
    document = sight.document
    for vni in sight.vnis:
        table = sight.tables.get(vni)
        vteps = None if table is None else Vteps(_flood(_peers(table, document.number, pack_one_ip(document.vtep))))
        draft.add(AllowList(vni, document.udp_port, vteps))


def _filter_table(sight: Sight, draft: Draft) -> None:
    """A host without segments holds nothing of ours, so no table either."""
    if sight.vnis:
        draft.add(FilterTable(ruleset=RULESET_VERSION))


def _port_filters(sight: Sight, draft: Draft) -> None:
    for port in sight.ports:
        macs = frozenset(format_mac(parse_mac(text)) for text in port.security.macs)
        ips: frozenset[str] = frozenset()
        if port.security.checked:
            ips = frozenset(str(parse_ip(text)) for text in port.security.ips)
        draft.add(PortFilter(port.tap, macs, ips, port.security.checked, sight.document.storm_limit))


def _taps(sight: Sight, draft: Draft) -> None:
    """Every port is attached and locked; only where its MACs live here now do they have a row on it, and so a voice."""
    for port in sight.ports:
        macs = frozenset(format_mac(mac) for mac in sight.local[port.tap])
        draft.add(Tap(port.tap, bridge_name(port.vni), macs, sight.mtu(port.vni)))


def _rows(sight: Sight, draft: Draft) -> None:
    here: dict[int, set[int]] = {}
    for port in sight.ports:
        here.setdefault(port.vni, set()).update(sight.local[port.tap])
    own = pack_one_ip(sight.document.vtep)
    for vni, table in sight.tables.items():
        fdb, flood = _remote(table, sight.document.number, own, here.get(vni, set()))
        bridged = np.zeros(len(fdb), SegmentRows().bridged.dtype)
        bridged["mac"] = fdb["mac"]
        draft.rows[vni] = SegmentRows(fdb, bridged, flood, _neighbours(table))


PASSES: tuple[Callable[[Sight, Draft], None], ...] = (
    _bridges,
    _vxlan_devices,
    _allow_table,
    _allow_lists,
    _filter_table,
    _port_filters,
    _taps,
    _rows,
)


def _see(document: HostDocument, segments: Mapping[int, SegmentTable]) -> Sight:
    tables = {need.vni: segments[need.vni] for need in document.segments if need.vni in segments}
    admitted, _ = admit(document)
    # One tap name, one port: of two that claim it the later binding wins (the other has no device to be bound to).
    by_tap = {port.tap: port for port in sorted(admitted, key=_lateness)}
    ports = tuple(sorted(by_tap.values(), key=lambda port: port.nic))
    return Sight(document, tables, ports, _local(document.number, ports, tables))


def _lateness(port: PortDocument) -> tuple[bool, int, str]:
    return (port.state is BindingState.ACTIVE, port.sequence, port.nic)


def _local(number: int, ports: tuple[PortDocument, ...], tables: Mapping[int, SegmentTable]) -> dict[str, frozenset[int]]:
    """Return tap → MACs that live there. An own MAC lives where its binding is active, or where the table already says so (the
    flip of a move); a shared one on the NIC that holds it, if the table says it is held on this host.
    """
    claims: dict[tuple[int, int], tuple[tuple[bool, bool, int, str], str]] = {}
    for port in ports:
        shared, held = _macs(port.shared), _macs(port.held)
        for text in port.security.macs:
            mac = pack_mac(text)
            published = _published(tables.get(port.vni), mac, number)
            # A shared MAC lives where it was last announced: the table's word, or this host's own claim ahead of it.
            lives = published or (mac in held if mac in shared else port.state is BindingState.ACTIVE)
            if lives:
                claim = ((mac in held, *_lateness(port)), port.tap)
                claims[port.vni, mac] = max(claim, claims.get((port.vni, mac), claim))
    local: dict[str, set[int]] = {port.tap: set() for port in ports}
    for (_, mac), (_, tap) in claims.items():
        local[tap].add(mac)
    return {tap: frozenset(macs) for tap, macs in local.items()}


def _macs(texts: tuple[str, ...]) -> frozenset[int]:
    return frozenset(map(pack_mac, texts)) - {0}


def _published(table: SegmentTable | None, mac: int, number: int) -> bool:
    """Tell whether the table says that a MAC lives on the host of this number."""
    if table is None:
        return False
    at = int(np.searchsorted(table.ports["mac"], np.uint64(mac)))
    return at < len(table.ports) and int(table.ports["mac"][at]) == mac and int(table.ports["host"][at]) == number


def _remote(table: SegmentTable, number: int, own: IpPair, here: set[int]) -> tuple[Rows, Rows]:
    """Return the FDB and flood tables: what lives behind the peers' VTEPs."""
    peers = _peers(table, number, own)
    ports = table.ports
    at = np.searchsorted(peers["host"], ports["host"])
    known = at < len(peers)
    known[known] = peers["host"][at[known]] == ports["host"][known]
    if here:
        known &= ~np.isin(ports["mac"], np.array(sorted(here), np.uint64))
    fdb = np.zeros(int(known.sum()), FDB)
    fdb["mac"] = ports["mac"][known]
    fdb["hi"], fdb["lo"] = peers["hi"][at[known]], peers["lo"][at[known]]
    return fdb, _flood(peers)


def _peers(table: SegmentTable, number: int, own: IpPair) -> Rows:
    """Return the other members whose VTEPs are of our address family."""
    members = table.members
    peers: Rows = members[(members["host"] != number) & (_is_v4(members) == is_v4(*own))]
    return peers


def _flood(peers: Rows) -> Rows:
    flood = np.zeros(len(peers), FLOOD)
    flood["hi"], flood["lo"] = peers["hi"], peers["lo"]
    return canonical(flood)


def _is_v4(rows: Rows) -> NDArray[np.bool_]:
    mapped: NDArray[np.bool_] = (rows["hi"] == 0) & (rows["lo"] >> np.uint64(32) == np.uint64(V4_MAPPED >> 32))
    return mapped


def _neighbours(table: SegmentTable) -> Rows:
    """Every unshared IP of the segment, local guests' too: their ARP and ND stay at home as well."""
    addresses = table.addresses[(table.addresses["flags"] & SHARED) == 0]
    rows = np.zeros(len(addresses), NEIGHBOUR)
    for name in ("hi", "lo", "mac"):
        rows[name] = addresses[name]
    return rows


def _check(port: PortDocument, needed: set[int]) -> None:
    if port.vni not in needed:
        raise IntentError(f"the document does not name its segment {port.vni}", remedy="report this: server and agent disagree")
    if not 0 < len(port.tap.encode()) <= 15:
        raise IntentError(f"{port.tap!r} is no name of a tap", remedy="give a link name of 1 to 15 bytes")
    for text in (port.mac, *port.security.macs):
        parse_mac(text)
    for text in port.security.ips:
        parse_ip(text)

"""What the kernel holds: all of it in four dumps, or a few VNIs and taps by keyed reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vxloom.dataplane.linuxbridge.links import (
    Overlay,
    PortMacs,
    bridge_resource,
    foreign_of,
    is_bound,
    is_ours,
    may_be_tap,
    overlay_of,
    stray_of,
    tap_resource,
    vni_of,
    vxlan_resource,
)
from vxloom.dataplane.linuxbridge.tables import port_macs, segment_rows
from vxloom.dataplane.netlink import (
    FDB_ROW,
    Link,
    NetlinkSocket,
    decode_fdb,
    decode_neighbours,
    fdb_dump,
    link_dump,
    link_get,
    neighbour_dump,
    parse_links,
)
from vxloom.dataplane.netlink.wire import IFINFOMSG, messages
from vxloom.model.rows import Rows
from vxloom.model.state import Foreign, HostState, Key, Resource, Stray, altname, bridge_name, vxlan_name
from vxloom.planner.plan import Scope


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """All that the kernel holds, whoever made it."""

    links: tuple[Link, ...]
    fdb: Rows
    """FDB_ROW."""
    neighbours: Rows
    """NEIGHBOUR_ROW."""

    @classmethod
    def nothing(cls) -> Kernel:
        """Return what a kernel holds of which nothing was read."""
        return cls((), decode_fdb([]), decode_neighbours([]))


def read_kernel(sock: NetlinkSocket) -> Kernel:
    """Return everything on this host, ours or not. Raises ``DataplaneError``."""
    links = parse_links(sock.dump(link_dump()))
    return Kernel(links, decode_fdb(sock.dump(fdb_dump())), decode_neighbours(sock.dump(neighbour_dump())))


def state_of(kernel: Kernel) -> HostState:
    """Return what of it is ours, and what stands in the way. Pure."""
    overlay = overlay_of(kernel.links)
    present = frozenset(filter(may_be_tap, overlay.others))
    return _state(overlay, {link.index: link for link in kernel.links}, kernel.fdb, kernel.neighbours, present)


def observe_all(sock: NetlinkSocket) -> HostState:
    """Return everything of ours on this host. Raises ``DataplaneError``."""
    return state_of(read_kernel(sock))


def observe_some(sock: NetlinkSocket, scope: Scope, unread: frozenset[int] = frozenset()) -> HostState:
    """Return what there is of some VNIs and taps, and what stands in their way. Its cost does not grow with the host.

    A VNI's taps are those on its bridge; a tap named in the scope is looked at wherever it is. Of the VNIs in ``unread`` the FDB is
    left out. Raises ``DataplaneError``.
    """
    vnis = scope.vnis or frozenset()
    found = _links_of(sock, vnis)
    taps = get_links(sock, scope.taps)
    around = {link.index: link for link in (*found, *taps.values())}
    for tap in taps.values():  # the bridge a named tap is on, to say whether it is bound, and where
        if tap.master and tap.master not in around:
            around |= {link.index: link for link in parse_links(sock.get([link_get(tap.master)])[0])}
    overlay = overlay_of(around.values())
    wanted = {vni: link for vni, link in overlay.bridges.items() if vni in vnis}
    for bridge in wanted.values():
        around |= {link.index: link for link in parse_links(sock.dump(link_dump(master=bridge.index)))}
    overlay = overlay_of(around.values())
    bound = {link.index for link in overlay.ports}
    fdb = _fdb_of(sock, [*(link.index for vni, link in overlay.vxlans.items() if vni in vnis - unread), *bound])
    scoped = Overlay(
        {vni: link for vni, link in overlay.bridges.items() if vni in vnis},
        {vni: link for vni, link in overlay.vxlans.items() if vni in vnis},
        overlay.ports,
        overlay.left,
        overlay.others,
    )
    blocks = [block for bridge in wanted.values() for block in sock.dump(neighbour_dump(ifindex=bridge.index))]
    present = frozenset(link for link in (*taps.values(), *overlay.ports) if may_be_tap(link))
    return _state(scoped, around, fdb, decode_neighbours(blocks), present)


def get_links(sock: NetlinkSocket, names: Iterable[str]) -> dict[str, Link]:
    """Return the links that exist of these names or altnames, by the name asked for."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    blocks, _ = sock.get([link_get(name=name) for name in wanted])  # ENODEV of what is not there is an answer too
    links = parse_links(blocks)
    by_name = {name: link for link in links for name in (link.name, *link.altnames)}
    return {name: by_name[name] for name in wanted if name in by_name}


def our_indexes(sock: NetlinkSocket, names: Iterable[str]) -> dict[str, int]:
    """Return the indexes of links of ours by the names they were made under, those that are there.

    They are asked for by their marks, so no answer needs more reading than its head: a tenth of :func:`get_links`.
    """
    wanted = sorted(set(names))
    blocks, failures = sock.get([link_get(name=altname(name)) for name in wanted])
    absent = {failure.index for failure in failures}
    there = [name for place, name in enumerate(wanted) if place not in absent]
    answers = (IFINFOMSG.unpack_from(received.body)[2] for block in blocks for received in messages(block))
    return dict(zip(there, answers, strict=True))


def _links_of(sock: NetlinkSocket, vnis: Iterable[int]) -> list[Link]:
    """Return the links of these VNIs, ours by mark and others by name; and every VXLAN device if one of ours is missing."""
    numbers = sorted(vnis)
    names = [name(vni) for vni in numbers for name in (bridge_name, vxlan_name)]
    found = get_links(sock, names)
    missing = [name for name in names if name not in found or not is_ours(found[name])]
    found |= get_links(sock, [altname(name) for name in missing])  # ours, renamed by somebody
    ours = {vni_of(link) for link in found.values() if link.kind == "vxlan" and is_ours(link)}
    links = {link.index: link for link in found.values()}
    if not ours.issuperset(numbers):
        others = parse_links(sock.dump(link_dump(kind="vxlan")))
        links |= {link.index: link for link in others if link.vxlan is not None and link.vxlan.vni in set(numbers)}
    return list(links.values())


def _fdb_of(sock: NetlinkSocket, indexes: list[int]) -> Rows:
    parts = [decode_fdb(sock.dump(fdb_dump(index))) for index in indexes]
    return np.concatenate(parts) if parts else np.zeros(0, FDB_ROW)


def _state(overlay: Overlay, by_index: dict[int, Link], fdb: Rows, neighbours: Rows, present: frozenset[Link]) -> HostState:
    resources: dict[Key, Resource] = {}
    for vni, link in sorted(overlay.bridges.items()):
        bridge = bridge_resource(vni, link)
        resources[bridge.key] = bridge
    for vni, link in sorted(overlay.vxlans.items()):
        master = by_index[link.master].name if link.master in by_index else f"#{link.master}" if link.master else ""
        vxlan = vxlan_resource(vni, link, master)
        resources[vxlan.key] = vxlan
    macs = port_macs(fdb, {link.index for link in overlay.ports})
    strays: list[Stray] = []
    for link in overlay.ports:
        on = by_index[link.master].name
        behind = macs.get(link.index, PortMacs())
        if is_bound(link, behind):
            tap = tap_resource(link, on, behind)
            resources[tap.key] = tap
        else:
            strays.append(stray_of(link, on))
    for link in overlay.left:
        tap = tap_resource(link, "", PortMacs())
        resources[tap.key] = tap
    foreign: list[Foreign] = [each for each in map(foreign_of, overlay.others) if each is not None]
    return HostState(
        resources=resources,
        rows=segment_rows(fdb, neighbours, overlay.bridges, overlay.vxlans),
        foreign=tuple(sorted(foreign, key=lambda each: each.name)),
        strays=tuple(sorted(strays, key=lambda each: each.name)),
        present_taps=frozenset(link.name for link in present),
    )

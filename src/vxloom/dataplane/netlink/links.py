"""Link requests: bridges, VXLAN devices, veth pairs, ports, altnames. Pure; each function returns one message.

A link is named by index or, with ``index=0``, by name. An index may be asked for at creation: so a whole network (bridge,
device enslaved to it by index, flags, marks, up) goes out in one batch, without reading an index back in between.

What the kernel takes at creation and what not (measured, Linux 6.18): a VXLAN device's master, group, MTU, MAC and up flag are
taken with the creating message; port flags and altnames are silently ignored in it, ``addr_gen_mode`` is refused (EAFNOSUPPORT):
they need a message of their own. The altname's comes right behind the link's: the socket never sends the two in different system
calls, and a killed process finishes its call, so no link of ours is ever without its mark.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink.wire import IFINFOMSG, attribute, ip_bytes, is_ipv4, message, nested, text, u8, u16, u32

_CREATE: Final = c.NLM_F_REQUEST | c.NLM_F_CREATE | c.NLM_F_EXCL
FIRST_INDEX: Final = 0x10_0000
"""Where indexes we ask for begin: the kernel counts its own from 1 and does not follow ours (dev_index_reserve)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFlags:
    """Flags of a bridge port to set; None leaves one as it is."""

    learning: bool | None = None
    flood: bool | None = None
    mcast_flood: bool | None = None
    bcast_flood: bool | None = None
    neigh_suppress: bool | None = None
    locked: bool | None = None
    isolated: bool | None = None
    state: int | None = None
    """Spanning tree's: 0 disabled … 3 forwarding."""


PORT_ATTRIBUTES: Final = {
    "learning": c.IFLA_BRPORT_LEARNING,
    "flood": c.IFLA_BRPORT_UNICAST_FLOOD,
    "mcast_flood": c.IFLA_BRPORT_MCAST_FLOOD,
    "bcast_flood": c.IFLA_BRPORT_BCAST_FLOOD,
    "neigh_suppress": c.IFLA_BRPORT_NEIGH_SUPPRESS,
    "locked": c.IFLA_BRPORT_LOCKED,
    "isolated": c.IFLA_BRPORT_ISOLATED,
    "state": c.IFLA_BRPORT_STATE,
}


def choose_indexes(taken: Iterable[int], count: int, start: int = FIRST_INDEX) -> list[int]:
    """Return ``count`` free link indexes from ``start`` up. An index given before should not be given again soon: raise ``start``."""
    held = set(taken)
    found: list[int] = []
    index = start
    while len(found) < count:
        if index not in held:
            found.append(index)
        index += 1
    return found


def create_bridge(
    name: str,
    *,
    index: int = 0,
    mac: int,
    mtu: int | None = None,
    group: int = 0,
    ageing: int | None = None,
    mcast_snooping: bool = False,
    stp: bool = False,
    group_fwd_mask: int = 0,
    up: bool = False,
) -> bytes:
    """Return the request for a new bridge.

    Args:
        name: at most 15 bytes.
        index: asked for; 0: the kernel's choice.
        mac: explicit, or enslaving a tap may change it and wipe the neighbours.
        mtu: bytes.
        group: link group, for deletion in bulk.
        ageing: seconds.
        mcast_snooping: off, multicast goes to all ports like broadcast.
        stp: spanning tree.
        group_fwd_mask: link-local groups (01:80:c2:00:00:0X) to forward, one bit each.
        up: set up at once, before anybody can write its sysctls.
    """
    options = [
        *([] if ageing is None else [u32(c.IFLA_BR_AGEING_TIME, ageing * 100)]),
        u8(c.IFLA_BR_MCAST_SNOOPING, mcast_snooping),
        u32(c.IFLA_BR_STP_STATE, stp),
        u16(c.IFLA_BR_GROUP_FWD_MASK, group_fwd_mask),
    ]
    return _create("bridge", name, index, options, mac=mac, mtu=mtu, group=group, up=up)


def create_vxlan(
    name: str,
    *,
    index: int = 0,
    vni: int,
    local: tuple[int, int],
    port: int = 4789,
    mac: int | None = None,
    mtu: int | None = None,
    lower: int = 0,
    master: int = 0,
    group: int = 0,
    learning: bool = False,
    df: int = 1,
    ttl: int = 0,
    ageing: int | None = None,
    udp_csum: bool | None = None,
    udp_zero_csum6_tx: bool | None = None,
    udp_zero_csum6_rx: bool | None = None,
    up: bool = False,
) -> bytes:
    """Return the request for a new VXLAN device.

    Args:
        name: at most 15 bytes.
        index: asked for; 0: the kernel's choice.
        vni: 0 … 2^24 - 1.
        local: own VTEP as (hi, lo).
        port: UDP.
        mac: the device's own; random if None.
        mtu: bytes; the kernel's guess if None.
        lower: index of the underlay's link; 0: whatever the route says.
        master: index of the bridge to join.
        group: link group, for deletion in bulk.
        learning: of remote VTEPs from received frames.
        df: outer DF bit: 0 unset, 1 set, 2 inherit.
        ttl: 0: the kernel's default.
        ageing: of learned rows, seconds.
        udp_csum: IPv4 underlay; None: the kernel's default.
        udp_zero_csum6_tx: IPv6 underlay: send without checksum.
        udp_zero_csum6_rx: IPv6 underlay: accept without checksum.
        up: set up at once, before anybody can write its sysctls.
    """
    flags = {
        c.IFLA_VXLAN_UDP_CSUM: udp_csum,
        c.IFLA_VXLAN_UDP_ZERO_CSUM6_TX: udp_zero_csum6_tx,
        c.IFLA_VXLAN_UDP_ZERO_CSUM6_RX: udp_zero_csum6_rx,
    }
    options = [
        u32(c.IFLA_VXLAN_ID, vni),
        attribute(c.IFLA_VXLAN_LOCAL if is_ipv4(*local) else c.IFLA_VXLAN_LOCAL6, ip_bytes(*local)),
        attribute(c.IFLA_VXLAN_PORT, struct.pack(">H", port)),
        u8(c.IFLA_VXLAN_LEARNING, learning),
        u8(c.IFLA_VXLAN_DF, df),
        *([u8(c.IFLA_VXLAN_TTL, ttl)] if ttl else []),
        *([u32(c.IFLA_VXLAN_LINK, lower)] if lower else []),
        *([] if ageing is None else [u32(c.IFLA_VXLAN_AGEING, ageing)]),
        *(u8(kind, value) for kind, value in flags.items() if value is not None),
    ]
    return _create("vxlan", name, index, options, mac=mac, mtu=mtu, group=group, master=master, up=up)


def create_veth(
    name: str,
    peer: str,
    *,
    index: int = 0,
    peer_index: int = 0,
    mac: int | None = None,
    peer_mac: int | None = None,
    mtu: int | None = None,
    master: int = 0,
    group: int = 0,
    peer_netns_fd: int | None = None,
) -> bytes:
    """Return the request for a veth pair; ``peer_netns_fd``: an open namespace the other end is made in."""
    other = IFINFOMSG.pack(0, 0, peer_index, 0, 0) + text(c.IFLA_IFNAME, peer) + _common(mac=peer_mac, mtu=mtu)
    if peer_netns_fd is not None:
        other += u32(c.IFLA_NET_NS_FD, peer_netns_fd)
    options = [attribute(c.VETH_INFO_PEER | c.NLA_F_NESTED, other)]
    return _create("veth", name, index, options, mac=mac, mtu=mtu, group=group, master=master, up=False)


def set_link(
    index: int = 0,
    *,
    name: str = "",
    up: bool | None = None,
    mtu: int | None = None,
    master: int | None = None,
    mac: int | None = None,
    group: int | None = None,
    rename: str = "",
    addr_gen_mode_none: bool = False,
    port: PortFlags | None = None,
    netns_fd: int | None = None,
) -> bytes:
    """Return the request that changes a link; what is None stays as it is.

    What the kernel's order inside one message forbids to combine (measured, Linux 6.18): a port's flags with the master that makes
    it a port (refused, EOPNOTSUPP); ``addr_gen_mode_none`` with up (the address is made before the mode is read).

    Args:
        index: of the link; 0: by ``name``.
        name: the link's name or altname.
        up: up or down.
        mtu: bytes.
        master: bridge to join; 0 leaves it.
        mac: 48 bits.
        group: link group.
        rename: new name.
        addr_gen_mode_none: no IPv6 link-local address by itself.
        port: flags of the bridge port it is.
        netns_fd: an open namespace to move it to.

    Raises:
        ValueError: the link is not named, or renamed without its index, or the combination cannot work.
    """
    if (port and master) or (addr_gen_mode_none and up):
        raise ValueError("needs two messages: master, then port flags; addr_gen_mode, then up")
    if rename and not index:
        raise ValueError("a link is renamed by index: the message has one name")
    body = _subject(index, name, flags=int(bool(up)), mask=int(up is not None))
    body += text(c.IFLA_IFNAME, rename) if rename else b""
    body += _common(mac=mac, mtu=mtu)
    body += b"" if master is None else u32(c.IFLA_MASTER, master)
    body += b"" if group is None else u32(c.IFLA_GROUP, group)
    body += b"" if netns_fd is None else u32(c.IFLA_NET_NS_FD, netns_fd)
    if addr_gen_mode_none:
        mode = nested(c.AF_INET6, u8(c.IFLA_INET6_ADDR_GEN_MODE, c.IN6_ADDR_GEN_MODE_NONE))
        body += nested(c.IFLA_AF_SPEC, mode)
    if port is None:
        return message(c.RTM_SETLINK, c.NLM_F_REQUEST, body)
    values = ((PORT_ATTRIBUTES[field.name], getattr(port, field.name)) for field in fields(port))
    data = nested(c.IFLA_INFO_SLAVE_DATA, *(u8(kind, value) for kind, value in values if value is not None))
    body += nested(c.IFLA_LINKINFO, text(c.IFLA_INFO_SLAVE_KIND, "bridge"), data)
    return message(c.RTM_NEWLINK, c.NLM_F_REQUEST, body)


def add_altnames(index: int = 0, altnames: Sequence[str] = (), *, name: str = "") -> bytes:
    """Return the request that gives a link more names (each up to 127 bytes)."""
    return _altnames(c.RTM_NEWLINKPROP, c.NLM_F_REQUEST | c.NLM_F_CREATE | c.NLM_F_EXCL | c.NLM_F_APPEND, index, altnames, name)


def delete_altnames(index: int = 0, altnames: Sequence[str] = (), *, name: str = "") -> bytes:
    """Return the request that takes altnames off a link."""
    return _altnames(c.RTM_DELLINKPROP, c.NLM_F_REQUEST, index, altnames, name)


def delete_link(index: int = 0, *, name: str = "") -> bytes:
    """Return the request that deletes a link; both ends of a veth pair."""
    return message(c.RTM_DELLINK, c.NLM_F_REQUEST, _subject(index, name))


def delete_group(group: int) -> bytes:
    """Return the request that deletes every link of a group at once, under one hold of the kernel's link lock.

    Raises:
        ValueError: group 0, where every other link of the machine is.
    """
    if not group:
        raise ValueError("link group 0 holds every link of the machine")
    return message(c.RTM_DELLINK, c.NLM_F_REQUEST, IFINFOMSG.pack(0, 0, 0, 0, 0) + u32(c.IFLA_GROUP, group))


def link_dump(*, kind: str = "", master: int = 0) -> bytes:
    """Return the request for all links, or those of a kind ("vxlan"), or a bridge's ports; without statistics."""
    body = IFINFOMSG.pack(0, 0, 0, 0, 0) + u32(c.IFLA_EXT_MASK, c.RTEXT_FILTER_SKIP_STATS)
    body += u32(c.IFLA_MASTER, master) if master else b""
    body += nested(c.IFLA_LINKINFO, text(c.IFLA_INFO_KIND, kind)) if kind else b""
    return message(c.RTM_GETLINK, c.NLM_F_REQUEST | c.NLM_F_DUMP, body)


def link_get(index: int = 0, *, name: str = "") -> bytes:
    """Return the keyed read of one link, by index, name or altname."""
    key = b"" if index else text(c.IFLA_ALT_IFNAME, name)
    return message(
        c.RTM_GETLINK, c.NLM_F_REQUEST, IFINFOMSG.pack(0, 0, index, 0, 0) + key + u32(c.IFLA_EXT_MASK, c.RTEXT_FILTER_SKIP_STATS)
    )


def _create(
    kind: str,
    name: str,
    index: int,
    options: Sequence[bytes],
    *,
    mac: int | None,
    mtu: int | None,
    group: int,
    master: int = 0,
    up: bool,
) -> bytes:
    body = IFINFOMSG.pack(0, 0, index, int(up), int(up)) + text(c.IFLA_IFNAME, name) + _common(mac=mac, mtu=mtu)
    body += u32(c.IFLA_GROUP, group) if group else b""
    body += u32(c.IFLA_MASTER, master) if master else b""
    body += nested(c.IFLA_LINKINFO, text(c.IFLA_INFO_KIND, kind), nested(c.IFLA_INFO_DATA, *options))
    return message(c.RTM_NEWLINK, _CREATE, body)


def _common(*, mac: int | None, mtu: int | None) -> bytes:
    return (b"" if mac is None else attribute(c.IFLA_ADDRESS, mac.to_bytes(6, "big"))) + (b"" if mtu is None else u32(c.IFLA_MTU, mtu))


def _subject(index: int, name: str, *, flags: int = 0, mask: int = 0) -> bytes:
    """Return struct ifinfomsg, and the name's attribute if there is no index. ALT_IFNAME finds names of both sorts."""
    if not index and not name:
        raise ValueError("a link is named by index or by name")
    return IFINFOMSG.pack(0, 0, index, flags, mask) + (b"" if index else text(c.IFLA_ALT_IFNAME, name))


def _altnames(kind: int, flags: int, index: int, altnames: Sequence[str], name: str) -> bytes:
    return message(kind, flags, _subject(index, name) + nested(c.IFLA_PROP_LIST, *(text(c.IFLA_ALT_IFNAME, each) for each in altnames)))

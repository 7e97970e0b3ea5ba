"""What the kernel tells of links, from dump blocks to values. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink.wire import ATTRIBUTE, I32, IFINFOMSG, Blocks, Message, attributes, ip_pair, messages


@dataclass(frozen=True, slots=True)
class VxlanInfo:
    """A VXLAN device's own settings; addresses as (hi, lo) halves, both 0: none."""

    vni: int
    local_hi: int
    local_lo: int
    remote_hi: int
    remote_lo: int
    """Default remote or multicast group."""
    port: int
    lower: int
    learning: bool
    df: int
    ttl: int
    ageing: int
    external: bool
    vnifilter: bool
    udp_csum: bool
    udp_zero_csum6_tx: bool
    udp_zero_csum6_rx: bool


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A bridge port's flags."""

    state: int
    learning: bool
    flood: bool
    mcast_flood: bool
    bcast_flood: bool
    neigh_suppress: bool
    locked: bool
    isolated: bool


@dataclass(frozen=True, slots=True)
class BridgeInfo:
    """A bridge's own settings; ``ageing`` in hundredths of a second."""

    ageing: int
    mcast_snooping: bool
    stp: bool
    group_fwd_mask: int
    vlan_filtering: bool


@dataclass(frozen=True, slots=True)
class Inet6Info:
    """A link's IPv6 settings, as in ``/proc/sys/net/ipv6/conf/<link>/``."""

    addr_gen_mode: int
    """0 EUI-64, 1 none …; -1 if the kernel tells none."""
    accept_ra: int
    autoconf: int
    disable_ipv6: int


@dataclass(frozen=True, slots=True)
class Link:
    """A link as the kernel tells it; ``mac`` is 0 unless six bytes."""

    index: int
    name: str
    altnames: tuple[str, ...]
    kind: str
    slave_kind: str
    master: int
    mac: int
    mtu: int
    up: bool
    operstate: int
    """RFC 2863: 0 unknown, 2 down, 3 lower layer down, 6 up."""
    group: int
    lower: int
    """Index of the link below; of a veth its peer, in ``netnsid``."""
    netnsid: int
    """Id of the namespace ``lower`` is in; -1: this one."""
    inet6: Inet6Info | None
    """None: no IPv6 there (its MTU is below 1280, or the kernel was booted without)."""
    vxlan: VxlanInfo | None
    port: PortInfo | None
    bridge: BridgeInfo | None


_EMPTY: Final = b""
_ORDER: Final = sys.byteorder


def parse_links(blocks: Blocks) -> tuple[Link, ...]:
    """Return the links of a dump or of keyed reads, in the kernel's order.

    Raises:
        ValueError: a block is torn.
    """
    return tuple(parse_link(received) for block in blocks for received in messages(block) if received.kind == c.RTM_NEWLINK)


def parse_link(received: Message) -> Link:
    """Return the link of one RTM_NEWLINK or RTM_DELLINK message."""
    body = bytes(received.body)  # slicing bytes costs half of slicing a view
    _, _, index, flags, _ = IFINFOMSG.unpack_from(body)
    found = attributes(body, IFINFOMSG.size)
    info = attributes(found[c.IFLA_LINKINFO]) if c.IFLA_LINKINFO in found else {}
    kind, slave_kind = _text(info.get(c.IFLA_INFO_KIND)), _text(info.get(c.IFLA_INFO_SLAVE_KIND))
    data, slave = info.get(c.IFLA_INFO_DATA, _EMPTY), info.get(c.IFLA_INFO_SLAVE_DATA, _EMPTY)
    mac = found.get(c.IFLA_ADDRESS, _EMPTY)
    return Link(
        index=index,
        name=_text(found.get(c.IFLA_IFNAME)),
        altnames=_altnames(found.get(c.IFLA_PROP_LIST, _EMPTY)),
        kind=kind,
        slave_kind=slave_kind,
        master=_number(found, c.IFLA_MASTER),
        mac=int.from_bytes(mac, "big") if len(mac) == 6 else 0,
        mtu=_number(found, c.IFLA_MTU),
        up=bool(flags & c.IFF_UP),
        operstate=_number(found, c.IFLA_OPERSTATE),
        group=_number(found, c.IFLA_GROUP),
        lower=_number(found, c.IFLA_LINK),
        netnsid=_number(found, c.IFLA_LINK_NETNSID, -1),
        inet6=_inet6(found.get(c.IFLA_AF_SPEC, _EMPTY)),
        vxlan=_vxlan(data) if kind == "vxlan" else None,
        port=_port(slave) if slave_kind == "bridge" else None,
        bridge=_bridge(data) if kind == "bridge" else None,
    )


def _text(payload: bytes | None) -> str:
    return "" if payload is None else payload.rstrip(b"\0").decode(errors="surrogateescape")


def _number(found: dict[int, bytes], kind: int, default: int = 0) -> int:
    payload = found.get(kind)
    return default if payload is None else int.from_bytes(payload, _ORDER)


def _altnames(payload: bytes) -> tuple[str, ...]:
    names, position = [], 0
    while position + 4 <= len(payload):
        length, kind = ATTRIBUTE.unpack_from(payload, position)
        if length < 4:
            raise ValueError(f"netlink attribute of {length} bytes in a list of altnames")
        if kind & c.NLA_TYPE_MASK == c.IFLA_ALT_IFNAME:
            names.append(_text(payload[position + 4 : position + length]))
        position += (length + 3) & ~3
    return tuple(names)


def _inet6(payload: bytes) -> Inet6Info | None:
    families = attributes(payload)
    if c.AF_INET6 not in families:
        return None
    found = attributes(families[c.AF_INET6])
    values = found.get(c.IFLA_INET6_CONF, _EMPTY)
    if len(values) < 4 * (c.DEVCONF_DISABLE_IPV6 + 1):
        return None
    return Inet6Info(
        addr_gen_mode=_number(found, c.IFLA_INET6_ADDR_GEN_MODE, -1),
        accept_ra=I32.unpack_from(values, 4 * c.DEVCONF_ACCEPT_RA)[0],
        autoconf=I32.unpack_from(values, 4 * c.DEVCONF_AUTOCONF)[0],
        disable_ipv6=I32.unpack_from(values, 4 * c.DEVCONF_DISABLE_IPV6)[0],
    )


def _address(found: dict[int, bytes], four: int, six: int) -> tuple[int, int]:
    payload = found.get(four, found.get(six))
    return (0, 0) if payload is None else ip_pair(payload)


def _vxlan(payload: bytes) -> VxlanInfo:
    found = attributes(payload)
    local_hi, local_lo = _address(found, c.IFLA_VXLAN_LOCAL, c.IFLA_VXLAN_LOCAL6)
    remote_hi, remote_lo = _address(found, c.IFLA_VXLAN_GROUP, c.IFLA_VXLAN_GROUP6)
    return VxlanInfo(
        vni=_number(found, c.IFLA_VXLAN_ID),
        local_hi=local_hi,
        local_lo=local_lo,
        remote_hi=remote_hi,
        remote_lo=remote_lo,
        port=int.from_bytes(found.get(c.IFLA_VXLAN_PORT, b""), "big"),
        lower=_number(found, c.IFLA_VXLAN_LINK),
        learning=bool(_number(found, c.IFLA_VXLAN_LEARNING)),
        df=_number(found, c.IFLA_VXLAN_DF),
        ttl=_number(found, c.IFLA_VXLAN_TTL),
        ageing=_number(found, c.IFLA_VXLAN_AGEING),
        external=bool(_number(found, c.IFLA_VXLAN_COLLECT_METADATA)),
        vnifilter=bool(_number(found, c.IFLA_VXLAN_VNIFILTER)),
        udp_csum=bool(_number(found, c.IFLA_VXLAN_UDP_CSUM)),
        udp_zero_csum6_tx=bool(_number(found, c.IFLA_VXLAN_UDP_ZERO_CSUM6_TX)),
        udp_zero_csum6_rx=bool(_number(found, c.IFLA_VXLAN_UDP_ZERO_CSUM6_RX)),
    )


def _port(payload: bytes) -> PortInfo:
    found = attributes(payload)
    return PortInfo(
        state=_number(found, c.IFLA_BRPORT_STATE),
        learning=bool(_number(found, c.IFLA_BRPORT_LEARNING)),
        flood=bool(_number(found, c.IFLA_BRPORT_UNICAST_FLOOD)),
        mcast_flood=bool(_number(found, c.IFLA_BRPORT_MCAST_FLOOD)),
        bcast_flood=bool(_number(found, c.IFLA_BRPORT_BCAST_FLOOD)),
        neigh_suppress=bool(_number(found, c.IFLA_BRPORT_NEIGH_SUPPRESS)),
        locked=bool(_number(found, c.IFLA_BRPORT_LOCKED)),
        isolated=bool(_number(found, c.IFLA_BRPORT_ISOLATED)),
    )


def _bridge(payload: bytes) -> BridgeInfo:
    found = attributes(payload)
    return BridgeInfo(
        ageing=_number(found, c.IFLA_BR_AGEING_TIME),
        mcast_snooping=bool(_number(found, c.IFLA_BR_MCAST_SNOOPING)),
        stp=bool(_number(found, c.IFLA_BR_STP_STATE)),
        group_fwd_mask=_number(found, c.IFLA_BR_GROUP_FWD_MASK),
        vlan_filtering=bool(_number(found, c.IFLA_BR_VLAN_FILTERING)),
    )

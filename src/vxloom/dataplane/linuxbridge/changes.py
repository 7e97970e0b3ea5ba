"""Messages that change a link of a kind in ways no general builder knows. Pure; each function returns one message."""

from __future__ import annotations

from typing import Final

from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink.wire import IFINFOMSG, attribute, ip_bytes, message, nested, text, u8, u16, u32
from vxloom.model.addresses import is_v4, pack_ip
from vxloom.model.state import VxlanDevice

_IFLA_BRPORT_FLUSH: Final = 24


def flush_port(index: int) -> bytes:
    """Return the message that makes a bridge forget what it learnt on a port: a locked port would let it in until it ages."""
    data = nested(c.IFLA_INFO_SLAVE_DATA, attribute(_IFLA_BRPORT_FLUSH, b""))
    body = IFINFOMSG.pack(0, 0, index, 0, 0) + nested(c.IFLA_LINKINFO, text(c.IFLA_INFO_SLAVE_KIND, "bridge"), data)
    return message(c.RTM_NEWLINK, c.NLM_F_REQUEST, body)


def plain_bridge(name: str) -> bytes:
    """Return the message that turns off what a segment's bridge does without."""
    options = nested(
        c.IFLA_INFO_DATA,
        u8(c.IFLA_BR_MCAST_SNOOPING, 0),
        u32(c.IFLA_BR_STP_STATE, 0),
        u16(c.IFLA_BR_GROUP_FWD_MASK, 0),
    )
    return _change(name, "bridge", options)


def change_vxlan(device: VxlanDevice) -> bytes:
    """Return the message that sets the local address and clears a default remote of the same family."""
    high, low = pack_ip(device.local)
    four = is_v4(high, low)
    options = nested(
        c.IFLA_INFO_DATA,
        u32(c.IFLA_VXLAN_ID, device.vni),
        attribute(c.IFLA_VXLAN_LOCAL if four else c.IFLA_VXLAN_LOCAL6, ip_bytes(high, low)),
        attribute(c.IFLA_VXLAN_GROUP if four else c.IFLA_VXLAN_GROUP6, bytes(4 if four else 16)),
    )
    return _change(device.name, "vxlan", options)


def _change(name: str, kind: str, data: bytes) -> bytes:
    body = IFINFOMSG.pack(0, 0, 0, 0, 0) + text(c.IFLA_IFNAME, name) + nested(c.IFLA_LINKINFO, text(c.IFLA_INFO_KIND, kind), data)
    return message(c.RTM_NEWLINK, c.NLM_F_REQUEST, body)

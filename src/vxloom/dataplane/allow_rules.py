"""The rules of our allow table, and what the lists are in its sets. Pure.

A VXLAN packet's way. *prerouting* and *output* come at raw priority, before connection tracking. To our UDP port, a packet whose
VNI and VTEP (who sent it; in *output*, who is to get it) stand in ``vteps4`` or ``vteps6`` is admitted, untracked. Of what is left, a
VNI that is not in ``vnis`` is none of ours: another program's VXLAN device may use the port, and if there is none, the kernel drops
it. Everything else is counted and dropped: strangers, and packets whose VNI cannot be read (a first fragment may end before it).

Looking up VNI and VTEP together says more than the VTEP alone: a host is heard only in the segments it takes part in. With the
reserved byte behind it (zero, or the kernel drops the packet) the VNI is four bytes, which the kernel loads faster than three.

IPv4 is admitted in the hook's own chain, by a rule that loads version, protocol, port, VNI and address as the bytes they are, which the
kernel does in line. For ``ip saddr`` and ``udp dport`` nft would ask ``meta`` twice: 214 ns a packet and hook against 186 (measured, Linux
6.18; an empty hook 35, ``notrack`` 11 to 22, most of the rest is the lookup). What that rule does not take, options in the IPv4
header among it, comes to the rule behind it, which is about every packet to the port. A packet to another port costs two comparisons
of its protocol, and of its port if it is UDP.

Bridged packets of guests come by *prerouting*, too, where ``bridge-nf-call-iptables`` is on. They are inside a segment of ours, and
a tenant may use VXLAN in it: ``bridges`` lets them pass. (Nothing of theirs is for this host: the bridge table's *input* hook drops it.)
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vxloom.model.addresses import V4_MAPPED
from vxloom.model.rows import FLOOD, empty
from vxloom.model.state import AllowList, bridge_name
from vxloom.model.vteps import Vteps

TABLE: Final = "vxloom"
COUNTER: Final = "stranger"
VNIS, BRIDGES, VTEPS4, VTEPS6 = "vnis", "bridges", "vteps4", "vteps6"
KEY_SIZES: Final = {VNIS: 3, BRIDGES: 16, VTEPS4: 8, VTEPS6: 20}
"""Set → bytes of a key in the kernel; before an address stands the VNI with the reserved byte that follows it."""
Keys: TypeAlias = NDArray[np.uint8]
"""Keys of one set as the kernel has them, a row of bytes each."""
_KEY4: Final = np.dtype([("vni", ">u4"), ("lo", ">u4")])
_KEY6: Final = np.dtype([("vni", ">u4"), ("hi", ">u8"), ("lo", ">u8")])
_NOBODY: Final = np.zeros(0, np.uint32)
_BRIDGE: Final = re.compile(re.escape(bridge_name(0)[:-1]) + r"(\d{1,8})")


def rules(port: int) -> str:
    """Return the table with empty sets, for one UDP port."""
    plain = f"@nh,0,8 0x45 @nh,72,8 17 @th,16,16 {port}"  # IPv4 without options, UDP
    return f"""
table inet {TABLE} {{
  counter {COUNTER} {{ }}
  set {VNIS} {{ typeof @th,96,24; }}
  set {BRIDGES} {{ type ifname; }}
  set {VTEPS4} {{ typeof @th,96,32 . @nh,96,32; }}
  set {VTEPS6} {{ typeof @th,96,32 . ip6 saddr; }}
  chain arriving {{
    @th,96,32 . ip6 saddr @{VTEPS6} notrack accept
    meta nfproto ipv4 @th,96,32 . @nh,96,32 @{VTEPS4} notrack accept
    iifname @{BRIDGES} accept
    @th,96,24 != @{VNIS} accept
    counter name {COUNTER} drop
  }}
  chain leaving {{
    @th,96,32 . ip6 daddr @{VTEPS6} notrack accept
    meta nfproto ipv4 @th,96,32 . @nh,128,32 @{VTEPS4} notrack accept
    @th,96,24 != @{VNIS} accept
    counter name {COUNTER} drop
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    {plain} @th,96,32 . @nh,96,32 @{VTEPS4} notrack accept
    udp dport {port} goto arriving
  }}
  chain output {{
    type filter hook output priority -300; policy accept;
    {plain} @th,96,32 . @nh,128,32 @{VTEPS4} notrack accept
    udp dport {port} goto leaving
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Lists:
    """What the four sets hold."""

    vnis: frozenset[int] = frozenset()
    bridges: frozenset[int] = frozenset()
    """VNIs of the bridges named."""
    vteps: Mapping[int, Vteps] = field(default_factory=dict)
    """VNI → its VTEPs; none is empty."""
    strange: bool = False
    """Something else is among them: only making the table anew gets rid of it."""

    def all(self) -> frozenset[int]:
        """Return all VNIs that are spoken of."""
        return self.vnis | self.bridges | self.vteps.keys()

    def of(self, vni: int, port: int) -> AllowList:
        """Return the list of one VNI as it stands."""
        return AllowList(vni, port, self.vteps.get(vni, Vteps()), enforced=vni in self.vnis and vni in self.bridges)

    def changed(self, wanted: Mapping[int, AllowList | None]) -> Lists:
        """Return these with some lists exchanged or, for None, gone. Of an unknown list the VTEPs stay."""
        vnis, bridges, vteps = set(self.vnis), set(self.bridges), dict(self.vteps)
        for vni, one in wanted.items():
            known = vteps.pop(vni, Vteps())
            if one is None:
                vnis.discard(vni)
                bridges.discard(vni)
                continue
            vnis.add(vni)
            bridges.add(vni)
            known = known if one.vteps is None else one.vteps
            if len(known):
                vteps[vni] = known
        return Lists(frozenset(vnis), frozenset(bridges), vteps, self.strange)


class Change(NamedTuple):
    """Elements of one set that come or go."""

    add: bool
    set: str
    keys: Keys


def changes(before: Lists, after: Lists, vnis: Iterable[int]) -> list[Change]:
    """Return what turns the lists of some VNIs from one state into another."""
    some = frozenset(vnis)
    found: list[Change] = []
    for add, new, old in ((True, after, before), (False, before, after)):
        found.append(Change(add, VNIS, _rows(VNIS, (vni.to_bytes(3, "big") for vni in sorted(some & (new.vnis - old.vnis))))))
        names = (bridge_name(vni).encode().ljust(16, b"\0") for vni in sorted(some & (new.bridges - old.bridges)))
        found.append(Change(add, BRIDGES, _rows(BRIDGES, names)))
        pairs = [(vni, (new.vteps[vni] - old.vteps.get(vni, Vteps())).rows) for vni in sorted(some & new.vteps.keys())]
        numbers = np.concatenate([_NOBODY, *(np.full(len(rows), vni, np.uint32) for vni, rows in pairs)])
        rows = np.concatenate([empty(FLOOD), *(rows for _, rows in pairs)])
        four = (rows["hi"] == 0) & (rows["lo"] >> np.uint64(32) == np.uint64(V4_MAPPED >> 32))
        keys4, keys6 = np.zeros(int(four.sum()), _KEY4), np.zeros(int((~four).sum()), _KEY6)
        keys4["vni"], keys4["lo"] = numbers[four] << np.uint32(8), rows["lo"][four] & np.uint64(0xFFFF_FFFF)
        keys6["vni"], keys6["hi"], keys6["lo"] = numbers[~four] << np.uint32(8), rows["hi"][~four], rows["lo"][~four]
        found += [Change(add, name, keys.view(np.uint8).reshape(-1, KEY_SIZES[name])) for name, keys in ((VTEPS4, keys4), (VTEPS6, keys6))]
    return [change for change in found if len(change.keys)]


def commands(some: Iterable[Change]) -> str:
    """Return changes in nft's language: one command each."""
    lines: list[str] = []
    for add, name, keys in some:
        told = ", ".join(_told(name, key.tobytes()) for key in keys)
        lines.append(f"{'add' if add else 'delete'} element inet {TABLE} {name} {{ {told} }}")
    return "\n".join(lines)


def lists_of(keys: Mapping[str, Keys]) -> Lists:
    """Return what the sets hold from their keys."""
    bridges = [vni_of(BRIDGES, bytes(row)) for row in keys[BRIDGES]]
    keys4, keys6 = (np.ascontiguousarray(keys[name]).view(form).reshape(-1) for name, form in ((VTEPS4, _KEY4), (VTEPS6, _KEY6)))
    numbers = np.concatenate([keys4["vni"], keys6["vni"]]).astype(np.uint32) >> np.uint32(8)
    rows = np.zeros(len(numbers), FLOOD)
    rows["lo"][: len(keys4)] = keys4["lo"].astype(np.uint64) | np.uint64(V4_MAPPED)
    rows["hi"][len(keys4) :], rows["lo"][len(keys4) :] = keys6["hi"], keys6["lo"]
    order = np.lexsort((rows["lo"], rows["hi"], numbers))
    numbers, rows = numbers[order], rows[order]
    found, starts = np.unique(numbers, return_index=True)
    ends = [*starts[1:].tolist(), len(numbers)]
    return Lists(
        frozenset(int.from_bytes(row, "big") for row in keys[VNIS]),
        frozenset(vni for vni in bridges if vni is not None),
        {vni: Vteps(rows[start:end]) for vni, start, end in zip(found.tolist(), starts.tolist(), ends, strict=False)},
        strange=None in bridges,
    )


def vni_of(name: str, key: bytes) -> int | None:
    """Return the VNI that an element of a set, by its key, is about; None for one of another kind."""
    if name == BRIDGES:
        match = _BRIDGE.fullmatch(key.split(b"\0", 1)[0].decode(errors="replace"))
        return int(match.group(1)) if match else None
    return int.from_bytes(key[:3], "big")


def _told(name: str, key: bytes) -> str:
    if name == BRIDGES:
        return '"' + key.rstrip(b"\0").decode() + '"'
    if name == VNIS:
        return str(int.from_bytes(key, "big"))
    told = f"{int.from_bytes(key[4:], 'big'):#x}" if name == VTEPS4 else str(ipaddress.IPv6Address(key[4:]))
    return f"{int.from_bytes(key[:4], 'big'):#x} . {told}"


def _rows(name: str, keys: Iterable[bytes]) -> Keys:
    return np.frombuffer(b"".join(keys), np.uint8).reshape(-1, KEY_SIZES[name])

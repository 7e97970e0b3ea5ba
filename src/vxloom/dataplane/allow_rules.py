"""The rules of our allow table, and what the lists are in its sets. Pure.

A VXLAN packet's way. *prerouting* and *output* come at raw priority, before connection tracking. To our UDP port, a packet whose
VNI and VTEP (who sent it; in *output*, who is to get it) stand in ``vteps4`` or ``vteps6`` is admitted, untracked. Of what is left, a
VNI that is not in ``vnis`` is none of ours: another program's VXLAN device may use the port, and if there is none, the kernel drops
it. Everything else is counted and dropped: strangers, and packets whose VNI cannot be read (a first fragment may end before it).

Looking up VNI and VTEP together says more than the VTEP alone: a host is heard only in the segments it takes part in.

Bridged packets of guests come by *prerouting*, too, where ``bridge-nf-call-iptables`` is on. They are inside a segment of ours, and
a tenant may use VXLAN in it: ``bridges`` lets them pass. (Nothing of theirs is for this host: the bridge table's *input* hook drops it.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vxloom.model.addresses import V4_MAPPED, is_v4, unpack_ip
from vxloom.model.rows import FLOOD
from vxloom.model.state import AllowList, bridge_name
from vxloom.model.vteps import Vteps

TABLE: Final = "vxloom"
COUNTER: Final = "stranger"
VNIS, BRIDGES, VTEPS4, VTEPS6 = "vnis", "bridges", "vteps4", "vteps6"
KEY_SIZES: Final = {VNIS: 3, BRIDGES: 16, VTEPS4: 8, VTEPS6: 20}
"""Set → bytes of a key in the kernel; before an address a VNI is padded to four."""
_BRIDGE: Final = re.compile(re.escape(bridge_name(0)[:-1]) + r"(\d{1,8})")


def rules(port: int) -> str:
    """Return the table with empty sets, for one UDP port."""
    return f"""
table inet {TABLE} {{
  counter {COUNTER} {{ }}
  set {VNIS} {{ typeof @th,96,24; }}
  set {BRIDGES} {{ type ifname; }}
  set {VTEPS4} {{ typeof @th,96,24 . ip saddr; }}
  set {VTEPS6} {{ typeof @th,96,24 . ip6 saddr; }}
  chain arriving {{
    @th,96,24 . ip6 saddr @{VTEPS6} notrack accept
    iifname @{BRIDGES} accept
    @th,96,24 != @{VNIS} accept
    counter name {COUNTER} drop
  }}
  chain leaving {{
    @th,96,24 . ip6 daddr @{VTEPS6} notrack accept
    @th,96,24 != @{VNIS} accept
    counter name {COUNTER} drop
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    udp dport {port} @th,96,24 . ip saddr @{VTEPS4} notrack accept
    udp dport {port} goto arriving
  }}
  chain output {{
    type filter hook output priority -300; policy accept;
    udp dport {port} @th,96,24 . ip daddr @{VTEPS4} notrack accept
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

    def set_to(self, vni: int, wanted: AllowList | None) -> Lists:
        """Return these with one list exchanged or, for None, gone. Of an unknown list the VTEPs stay."""
        vteps = {number: some for number, some in self.vteps.items() if number != vni}
        if wanted is None:
            return Lists(self.vnis - {vni}, self.bridges - {vni}, vteps, self.strange)
        known = self.vteps.get(vni, Vteps()) if wanted.vteps is None else wanted.vteps
        if len(known):
            vteps[vni] = known
        return Lists(self.vnis | {vni}, self.bridges | {vni}, vteps, self.strange)


def commands(before: Lists, after: Lists, vnis: Iterable[int]) -> str:
    """Return the nft commands that turn the lists of some VNIs from one state into another: one per set and direction."""
    some = frozenset(vnis)
    lines: list[str] = []
    for verb, new, old in (("add", after, before), ("delete", before, after)):
        found: dict[str, list[str]] = {
            VNIS: [str(vni) for vni in sorted(some & (new.vnis - old.vnis))],
            BRIDGES: [f'"{bridge_name(vni)}"' for vni in sorted(some & (new.bridges - old.bridges))],
            VTEPS4: [],
            VTEPS6: [],
        }
        for vni in sorted(some & new.vteps.keys()):
            for high, low in (new.vteps[vni] - old.vteps.get(vni, Vteps())).rows.tolist():
                found[VTEPS4 if is_v4(high, low) else VTEPS6].append(f"{vni} . {unpack_ip(high, low)}")
        lines += [f"{verb} element inet {TABLE} {name} {{ {', '.join(keys)} }}" for name, keys in found.items() if keys]
    return "\n".join(lines)


def lists_of(keys: Mapping[str, NDArray[np.uint8]]) -> Lists:
    """Return what the sets hold from their keys: one row of bytes each, as the kernel has them."""
    bridges = [vni_of(BRIDGES, bytes(row)) for row in keys[BRIDGES]]
    numbers = np.concatenate([_vnis(keys[VTEPS4]), _vnis(keys[VTEPS6])])
    rows = np.zeros(len(numbers), FLOOD)
    four = len(keys[VTEPS4])
    rows["lo"][:four] = _integers(keys[VTEPS4], 4, ">u4") | np.uint64(V4_MAPPED)
    rows["hi"][four:], rows["lo"][four:] = _integers(keys[VTEPS6], 4, ">u8"), _integers(keys[VTEPS6], 12, ">u8")
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


def _vnis(keys: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return _integers(keys, 0, ">u4") >> np.uint64(8)


def _integers(keys: NDArray[np.uint8], at: int, form: str) -> NDArray[np.uint64]:
    size = np.dtype(form).itemsize
    return np.ascontiguousarray(keys[:, at : at + size]).view(form)[:, 0].astype(np.uint64)

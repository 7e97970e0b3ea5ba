"""FDB rows and neighbours as request messages, a whole table at once. Pure.

Every message of a table has the same shape, so one template is broadcast into a two-dimensional array of 32-bit words and
the columns that vary are written in place. IPv4 and IPv6 differ in length and are laid out one after the other.

A row of ours that leads to a remote VTEP is two rows of the kernel: the VXLAN device's (``self``: MAC → VTEP) and the
bridge's (``master``: MAC → port). One message with both flags writes both; the bridge's half goes first, and if it fails the
other is not tried (rtnl_fdb_add). So after a failure observe the key and send the halves apart.
State NOARP|REACHABLE makes the bridge's row static; with PERMANENT it would turn local (measured, Linux 6.18).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.netlink.constants import (
    AF_BRIDGE,
    AF_INET,
    AF_INET6,
    NDA_DST,
    NDA_IFINDEX,
    NDA_LLADDR,
    NDA_MASTER,
    NDA_PROTOCOL,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
    NTF_MASTER,
    NTF_SELF,
    NTF_STICKY,
    NUD_NOARP,
    NUD_PERMANENT,
    NUD_REACHABLE,
    RTM_DELNEIGH,
    RTM_GETNEIGH,
    RTM_NEWNEIGH,
)
from vxloom.dataplane.netlink.wire import MAPPED, NDMSG, Batch, attribute, ip_bytes, is_ipv4, message, u8, u32
from vxloom.model.rows import Rows
from vxloom.model.state import NEIGHBOUR_PROTOCOL

Op: TypeAlias = Literal["replace", "delete"]
Half: TypeAlias = Literal["both", "self", "master"]
Indexes: TypeAlias = int | NDArray[np.integer]
"""The link of every row, or one for all."""
Column: TypeAlias = NDArray[np.uint64]

STATIC: Final = NUD_NOARP | NUD_REACHABLE
_HALVES: Final[dict[Half, int]] = {"both": NTF_SELF | NTF_MASTER, "self": NTF_SELF, "master": NTF_MASTER}
_WRITE: Final = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE
_ADDRESS_SIZE: Final = {0: 0, 4: 4, 6: 16}
# Words of a message: 0–3 header, 4 family, 5 ifindex, 6 state and flags, then the attributes.
_IFINDEX: Final = 5
_FIRST_ATTRIBUTE: Final = 7


def encode_fdb(rows: Rows, ifindex: Indexes, op: Op = "replace", half: Half = "both") -> Batch:
    """Return the messages that make (or remove) remote MACs.

    Args:
        rows: FDB, shape (n,).
        ifindex: the VXLAN device.
        op: "replace" moves a MAC that is there to its new VTEP in one step. "delete" compares: if the device holds another VTEP,
            its row stays, the bridge's goes, and the kernel says success (__vxlan_fdb_delete; measured, Linux 6.18). Read back.
        half: both kernel rows, or one, for repair. The bridge's half carries no VTEP; the kernel ignores it there.
    """
    kind, flags = (RTM_NEWNEIGH, _WRITE) if op == "replace" else (RTM_DELNEIGH, NLM_F_REQUEST)
    body = NDMSG.pack(AF_BRIDGE, 0, STATIC, _HALVES[half] | NTF_STICKY, 0)
    return _encode(kind, flags, {4: body, 6: body}, ifindex, _column(rows, "mac"), (_column(rows, "hi"), _column(rows, "lo")))


def encode_bridge_fdb(macs: NDArray[np.integer], ifindex: Indexes, op: Op = "replace") -> Batch:
    """Return the messages that fix local MACs to their taps: static, sticky rows of the bridge, shape (n,) 48-bit values."""
    kind, flags = (RTM_NEWNEIGH, _WRITE) if op == "replace" else (RTM_DELNEIGH, NLM_F_REQUEST)
    body = NDMSG.pack(AF_BRIDGE, 0, STATIC, NTF_MASTER | NTF_STICKY, 0)
    return _encode(kind, flags, {0: body}, ifindex, macs.astype(np.uint64), None)


def encode_flood(rows: Rows, ifindex: Indexes, op: Op = "replace") -> Batch:
    """Return the messages that add (or remove) remote VTEPs to what BUM frames are copied to; FLOOD, shape (n,).

    Adding one that is there succeeds and changes nothing (measured, Linux 6.18).
    """
    kind, flags = (RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_APPEND) if op == "replace" else (RTM_DELNEIGH, NLM_F_REQUEST)
    body = NDMSG.pack(AF_BRIDGE, 0, NUD_NOARP | NUD_PERMANENT, NTF_SELF, 0)
    zero = np.zeros(len(rows), np.uint64)
    return _encode(kind, flags, {4: body, 6: body}, ifindex, zero, (_column(rows, "hi"), _column(rows, "lo")))


def encode_neighbours(rows: Rows, ifindex: Indexes, op: Op = "replace", state: Literal["permanent", "noarp"] = "permanent") -> Batch:
    """Return the messages that make (or remove) neighbours on bridges, marked ours by protocol; NEIGHBOUR, shape (n,)."""
    kind, flags = (RTM_NEWNEIGH, _WRITE) if op == "replace" else (RTM_DELNEIGH, NLM_F_REQUEST)
    nud = NUD_PERMANENT if state == "permanent" else NUD_NOARP
    bodies = {4: NDMSG.pack(AF_INET, 0, nud, 0, 0), 6: NDMSG.pack(AF_INET6, 0, nud, 0, 0)}
    tail = u8(NDA_PROTOCOL, NEIGHBOUR_PROTOCOL)
    return _encode(kind, flags, bodies, ifindex, _column(rows, "mac"), (_column(rows, "hi"), _column(rows, "lo")), tail)


def encode_fdb_get(macs: NDArray[np.integer], ifindex: Indexes, half: Literal["self", "master"]) -> Batch:
    """Return keyed reads of FDB rows. Of a flood entry only the first VTEP is told (vxlan_fdb_get): dump those."""
    body = NDMSG.pack(AF_BRIDGE, 0, 0, _HALVES[half], 0)
    return _encode(RTM_GETNEIGH, NLM_F_REQUEST, {0: body}, ifindex, macs.astype(np.uint64), None)


def encode_neighbour_get(rows: Rows, ifindex: Indexes) -> Batch:
    """Return keyed reads of neighbours; any table with columns ``hi`` and ``lo``."""
    bodies = {4: NDMSG.pack(AF_INET, 0, 0, 0, 0), 6: NDMSG.pack(AF_INET6, 0, 0, 0, 0)}
    return _encode(RTM_GETNEIGH, NLM_F_REQUEST, bodies, ifindex, None, (_column(rows, "hi"), _column(rows, "lo")))


def fdb_get(mac: int, ifindex: int, half: Literal["self", "master"]) -> bytes:
    """Return the keyed read of one FDB row."""
    body = NDMSG.pack(AF_BRIDGE, ifindex, 0, _HALVES[half], 0)
    return message(RTM_GETNEIGH, NLM_F_REQUEST, body + attribute(NDA_LLADDR, mac.to_bytes(6, "big")))


def neighbour_get(hi: int, lo: int, ifindex: int) -> bytes:
    """Return the keyed read of one neighbour."""
    body = NDMSG.pack(AF_INET if is_ipv4(hi, lo) else AF_INET6, ifindex, 0, 0, 0)
    return message(RTM_GETNEIGH, NLM_F_REQUEST, body + attribute(NDA_DST, ip_bytes(hi, lo)))


def fdb_dump(ifindex: int = 0, master: int = 0) -> bytes:
    """Return the request for all FDB rows, or those of one device, or of one bridge and its ports.

    The kernel filters (strict checking): with ``ifindex`` a port's own rows and the bridge's rows of that port.
    """
    body = NDMSG.pack(AF_BRIDGE, ifindex, 0, 0, 0)
    return message(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, body + (u32(NDA_MASTER, master) if master else b""))


def neighbour_dump(family: int = 0, ifindex: int = 0) -> bytes:
    """Return the request for all neighbours of a family (0: both), or those on one device."""
    body = NDMSG.pack(family, 0, 0, 0, 0)
    return message(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, body + (u32(NDA_IFINDEX, ifindex) if ifindex else b""))


def _column(rows: Rows, name: str) -> Column:
    return np.ascontiguousarray(rows[name], np.uint64)


def _encode(
    kind: int,
    flags: int,
    bodies: dict[int, bytes],
    ifindex: Indexes,
    mac: Column | None,
    address: tuple[Column, Column] | None,
    tail: bytes = b"",
) -> Batch:
    """Lay out one message per row.

    Args:
        kind: message type.
        flags: of the header.
        bodies: struct ndmsg by IP version, ifindex left 0; version 0: rows without an address.
        ifindex: of every row, or one.
        mac: NDA_LLADDR.
        address: NDA_DST as (hi, lo).
        tail: attributes that are the same in all rows.
    """
    front = b"" if mac is None else attribute(NDA_LLADDR, bytes(6))
    groups = _groups(0 if mac is None else len(mac), address)
    templates = [
        message(kind, flags, bodies[version] + front + (attribute(NDA_DST, bytes(_ADDRESS_SIZE[version])) if version else b"") + tail)
        for version, _ in groups
    ]
    data = bytearray(sum(len(template) * len(places) for template, (_, places) in zip(templates, groups, strict=True)))
    offsets, at = [np.zeros(0, np.int64)], 0
    for template, (version, places) in zip(templates, groups, strict=True):
        select = slice(None) if len(groups) == 1 else places  # one group: no copy of its columns
        words = np.frombuffer(data, np.uint32, len(template) // 4 * len(places), at).reshape(len(places), -1)
        words[:] = np.frombuffer(template, np.uint32)
        words[:, _IFINDEX] = ifindex if isinstance(ifindex, int) else ifindex[select]
        big, column = words.view(">u4"), _FIRST_ATTRIBUTE + 1
        if mac is not None:
            _write_mac(big[:, column : column + 2], mac[select])
            column += 3
        if address is not None:
            _write_address(big[:, column : column + _ADDRESS_SIZE[version] // 4], address[0][select], address[1][select])
        offsets.append(np.arange(len(places), dtype=np.int64) * len(template) + at)
        at += len(template) * len(places)
    return Batch(data, np.concatenate(offsets), np.concatenate([places for _, places in groups]) if len(groups) > 1 else None)


def _groups(count: int, address: tuple[Column, Column] | None) -> list[tuple[int, NDArray[np.int64]]]:
    """Return (IP version, which rows) of each group with rows; version 0 without addresses."""
    if address is None:
        return [(0, np.arange(count, dtype=np.int64))] if count else []
    hi, lo = address
    four = (hi == 0) & (lo >> np.uint64(32) == np.uint64(MAPPED >> 32))
    places = {4: np.flatnonzero(four), 6: np.flatnonzero(~four)}
    return [(version, found) for version, found in places.items() if len(found)]


def _write_mac(big: NDArray[np.uint32], mac: Column) -> None:
    """Write six bytes and the two of padding."""
    big[:, 0] = mac >> np.uint64(16)
    big[:, 1] = (mac & np.uint64(0xFFFF)) << np.uint64(16)


def _write_address(big: NDArray[np.uint32], hi: Column, lo: Column) -> None:
    """Write one word or four."""
    mask, shift = np.uint64(0xFFFF_FFFF), np.uint64(32)
    big[:, -1] = lo & mask
    if big.shape[1] == 4:
        big[:, 0] = hi >> shift
        big[:, 1] = hi & mask
        big[:, 2] = lo >> shift

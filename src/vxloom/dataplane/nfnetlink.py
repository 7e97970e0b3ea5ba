"""The little of nftables' netlink that libnftables does not give: the ruleset's generation, counters, change notices.

Generation: a number the kernel raises with every committed transaction of any program. While it stands, nothing in nftables
has changed, and what was listed under it is still the truth.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.netlink.wire import HEADER, attribute, attributes, error_of, messages
from vxloom.errors import DataplaneError

NETLINK_NETFILTER: Final = 12
NFNLGRP_NFTABLES: Final = 7
NFPROTO_INET: Final = 1
NFPROTO_BRIDGE: Final = 7
_SOL_NETLINK: Final = 270
_ADD_MEMBERSHIP: Final = 1
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SUBSYSTEM: Final = 10 << 8
_GETRULE, _NEWSETELEM, _GETSETELEM, _DELSETELEM, _NEWGEN, _GETGEN, _GETOBJ = 7, 12, 13, 14, 15, 16, 19
_DESTROYSETELEM: Final = 30
_STRUCTURE: Final = {
    "chain": (4, (3, 4, 5, 7, 10)),  # name, hook, policy, type, flags (NFTA_CHAIN_*)
    "set": (10, (2, 3, 4, 5, 6, 7)),  # name, flags, types and lengths of key and data (NFTA_SET_*)
    "object": (_GETOBJ, (2, 3)),  # name, type (NFTA_OBJ_*)
    "rule": (_GETRULE, (2, 4)),  # chain, expressions (NFTA_RULE_*)
}
"""Kind → the message that asks for it, and the attributes to keep (linux/netfilter/nf_tables.h)."""
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP, _CREATE = 1, 4, 0x300, 0x400
_BATCH: Final = (16, 17)
"""NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END."""
_TOGETHER: Final = 2000
"""Elements in one message: an attribute holds 64 KiB at most."""
_NFGENMSG: Final = struct.Struct(">BBH")
"""Family, version, resource id (linux/netfilter/nfnetlink.h)."""
_ONLY_KEY: Final = struct.Struct("=HHHHHH")
_NAME_SIZE: Final = 16
_READS: Final = 4096


class Nfnetlink:
    """Requests; of the network namespace it was made in. For one thread at a time."""

    def __init__(self) -> None:
        """Open the socket. Raises ``DataplaneError``."""
        self._socket = _open()
        self._socket.settimeout(10)  # no wait is expected; none may be endless
        self._sequence = 0

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def generation(self) -> int:
        """Return the ruleset's generation."""
        for kind, body in self._ask(_GETGEN, _NFGENMSG.pack(0, 0, 0)):
            if kind == _NEWGEN:
                return int.from_bytes(attributes(body, 4)[1], "big")
        raise DataplaneError("nftables", "read the generation of", errno.EPROTO)

    def counters(self, table: str, family: int = NFPROTO_BRIDGE) -> dict[str, int]:
        """Return name → packets of a table's named counters, in the order of their making; a missing table has none."""
        name = attribute(1, table.encode() + b"\0")
        found: dict[str, int] = {}
        for _, body in self._ask(_GETOBJ, _NFGENMSG.pack(family, 0, 0) + name, dump=True):
            fields = attributes(body, 4)
            if int.from_bytes(fields[3], "big") == 1 and _text(fields[1]) == table:  # NFT_OBJECT_COUNTER
                found[_text(fields[2])] = int.from_bytes(attributes(fields[4])[2], "big")
        return found

    def rule_counters(self, table: str) -> dict[str, int]:
        """Return chain → packets that the counters in a bridge table's rules saw, of chains that have any; a missing table has none.

        Chains are read in the order of their making, within one dump.
        """
        name = attribute(1, table.encode() + b"\0")
        found: dict[str, int] = {}
        for _, body in self._ask(_GETRULE, _NFGENMSG.pack(NFPROTO_BRIDGE, 0, 0) + name, dump=True):
            fields = attributes(body, 4)
            for expression in _list(fields.get(4, b"")):  # NFTA_RULE_EXPRESSIONS
                if _text(expression[1]) == "counter":
                    chain = _text(fields[2])
                    found[chain] = found.get(chain, 0) + int.from_bytes(attributes(expression[2])[2], "big")
        return found

    def element_counters(self, table: str, name: str) -> dict[bytes, int]:
        """Return key → packets that the counter of each element of a bridge table's set saw; a missing set has none.

        An element without a counter saw 0.
        """
        asked = attribute(1, table.encode() + b"\0") + attribute(2, name.encode() + b"\0")
        found: dict[bytes, int] = {}
        for _, body in self._ask(_GETSETELEM, _NFGENMSG.pack(NFPROTO_BRIDGE, 0, 0) + asked, dump=True):
            for fields in _list(attributes(body, 4).get(3, b"")):
                key = attributes(fields[1]).get(1, b"")
                alone = [attributes(fields[7])] if 7 in fields else []  # NFTA_SET_ELEM_EXPR, where there is one
                for expression in (*alone, *_list(fields.get(11, b""))):  # NFTA_SET_ELEM_EXPRESSIONS
                    if _text(expression[1]) == "counter":
                        found[key] = int.from_bytes(attributes(expression[2])[2], "big")
                found.setdefault(key, 0)
        return found

    def structure(self, table: str, family: int) -> list[tuple[str, ...]]:
        """Return a table's chains, sets, objects and rules, a tuple of kind and what makes each what it is; a missing table has none.

        Nothing of it changes by itself, nor by elements: no handles, counts or users.
        """
        name = attribute(1, table.encode() + b"\0")
        found: list[tuple[str, ...]] = []
        for kind, (ask, kept) in _STRUCTURE.items():
            for _, body in self._ask(ask, _NFGENMSG.pack(family, 0, 0) + name, dump=True):
                fields = attributes(body, 4)
                if _text(fields[1]) == table:
                    found.append((kind, *(bytes(fields.get(each, b"")).hex() for each in kept)))
        return found

    def set_keys(self, table: str, name: str, size: int, family: int) -> NDArray[np.uint8]:
        """Return the keys of a set's elements, one row of ``size`` bytes each; a missing set has none, nor has one of another type."""
        asked = attribute(1, table.encode() + b"\0") + attribute(2, name.encode() + b"\0")
        parts = [np.zeros((0, size), np.uint8)]
        for _, body in self._ask(_GETSETELEM, _NFGENMSG.pack(family, 0, 0) + asked, dump=True):
            parts.append(_keys(attributes(body, 4).get(3, b""), size))
        return np.concatenate(parts)

    def change_elements(self, table: str, family: int, changes: Sequence[tuple[bool, str, NDArray[np.uint8]]]) -> None:
        """Add (True) or delete elements by their keys, set by set, in one transaction. Raises ``DataplaneError``: then nothing was done."""
        self._sequence += 1
        known = _NFGENMSG.pack(family, 0, 0) + attribute(1, table.encode() + b"\0")
        parts = [
            self._message(_NEWSETELEM if add else _DELSETELEM, known + attribute(2, name.encode() + b"\0") + attribute(3, _packed(some)))
            for add, name, keys in changes
            for some in np.split(keys, range(_TOGETHER, len(keys), _TOGETHER))
        ]
        if not parts:
            return
        ends = [HEADER.pack(20, kind, _REQUEST, self._sequence, 0) + _NFGENMSG.pack(0, 0, socket.htons(_SUBSYSTEM >> 8)) for kind in _BATCH]
        try:
            self._socket.send(b"".join([ends[0], *parts, ends[1]]))
            acknowledged = 0
            while acknowledged < len(parts):
                for received in messages(memoryview(self._socket.recv(65536))):
                    if received.sequence == self._sequence and received.kind == _ERROR:
                        code, words = error_of(received)
                        if code:
                            raise DataplaneError("nftables", "change elements in", code, words)
                        acknowledged += 1
        except OSError as error:
            raise DataplaneError("nftables", "change elements in", error.errno or errno.EIO, retryable=True) from error

    def _message(self, kind: int, body: bytes) -> bytes:
        flags = _REQUEST | _ACK | (_CREATE if kind == _NEWSETELEM else 0)
        return HEADER.pack(16 + len(body), _SUBSYSTEM | kind, flags, self._sequence, 0) + body

    def _ask(self, kind: int, body: bytes, *, dump: bool = False) -> Iterator[tuple[int, bytes]]:
        self._sequence += 1
        flags = _REQUEST | (_DUMP if dump else 0)
        try:
            self._socket.send(HEADER.pack(16 + len(body), _SUBSYSTEM | kind, flags, self._sequence, 0) + body)
            while True:
                for received in messages(memoryview(self._socket.recv(65536))):
                    if received.sequence != self._sequence:
                        continue
                    if received.kind == _ERROR:
                        code, words = error_of(received)
                        if code == errno.ENOENT:
                            return
                        raise DataplaneError("nftables", "read from", code, words)
                    if received.kind == _DONE:
                        return
                    yield received.kind & 0xFF, bytes(received.body)
                    if not dump:
                        return
        except OSError as error:
            raise DataplaneError("nftables", "read from", error.errno or errno.EIO, retryable=True) from error


class Change(NamedTuple):
    """What was changed in our tables by anybody, ourselves included."""

    taps: frozenset[str]
    """Taps whose elements came or went, in the bridge table."""
    keys: frozenset[tuple[str, bytes]]
    """(Set, key) of the elements that came or went, in the inet table."""
    structure: bool
    """Rules, chains, sets or a table itself changed."""
    lost: bool
    """The kernel dropped notices: anything may have changed."""


class Changes:
    """Notices of changes to the bridge table and the inet table of one name. Never blocks."""

    def __init__(self, table: str) -> None:
        """Subscribe. Raises ``DataplaneError``."""
        self._table = table
        self._socket = _open()
        self._socket.setblocking(False)
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, NFNLGRP_NFTABLES)

    def fileno(self) -> int:
        """The descriptor, readable when there is something to read."""
        return self._socket.fileno()

    def close(self) -> None:
        """Unsubscribe."""
        self._socket.close()

    def read(self) -> Change:
        """Return what is pending, folded. Raises ``DataplaneError`` when the socket itself failed."""
        taps: set[str] = set()
        keys: set[tuple[str, bytes]] = set()
        structure = lost = False
        for _ in range(_READS):
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise DataplaneError("nftables", "receive notices from", error.errno or errno.EIO, retryable=True) from error
                lost = True
                continue
            for received in messages(memoryview(data)):
                kind, body = received.kind & 0xFF, bytes(received.body)
                if received.kind & 0xFF00 != _SUBSYSTEM or kind == _NEWGEN or body[0] not in {NFPROTO_BRIDGE, NFPROTO_INET}:
                    continue
                fields = attributes(body, 4)
                if _text(fields.get(1, b"")) != self._table:  # attribute 1 is the table's name in all messages but NEWGEN
                    continue
                if kind not in {_NEWSETELEM, _DELSETELEM, _DESTROYSETELEM}:
                    structure = True
                elif body[0] == NFPROTO_BRIDGE:
                    taps.update(map(name_of, _keys_of(fields.get(3, b""))))
                else:
                    keys.update((_text(fields[2]), key) for key in _keys_of(fields.get(3, b"")))
        return Change(frozenset(taps), frozenset(keys), structure, lost)


def _keys_of(elements: bytes) -> Iterator[bytes]:
    """Yield the keys of elements (NFTA_SET_ELEM_LIST_ELEMENTS)."""
    for fields in _list(elements):
        if 1 in fields:  # NFTA_SET_ELEM_KEY, with NFTA_DATA_VALUE inside
            yield attributes(fields[1]).get(1, b"")


def name_of(key: bytes) -> str:
    """Return the interface name a key begins with."""
    return _text(key[:_NAME_SIZE])


def _keys(elements: bytes, size: int) -> NDArray[np.uint8]:
    """Return the keys of a list of elements (NFTA_SET_ELEM_LIST_ELEMENTS): as columns where nothing but keys is in it."""
    head = _only_key(size)
    stride = len(head) + (size + 3 & ~3)
    if elements and len(elements) % stride == 0:
        table = np.frombuffer(elements, np.uint8).reshape(-1, stride)
        if (table[:, : len(head)] == np.frombuffer(head, np.uint8)).all():
            return table[:, len(head) : len(head) + size]
    keys = [key for key in _keys_of(elements) if len(key) == size]
    return np.frombuffer(b"".join(keys), np.uint8).reshape(-1, size)


def _packed(keys: NDArray[np.uint8]) -> bytes:
    """Return keys as a list of elements, nothing else in each."""
    size = keys.shape[1]
    head = _only_key(size)
    table = np.zeros((len(keys), len(head) + (size + 3 & ~3)), np.uint8)
    table[:, : len(head)] = np.frombuffer(head, np.uint8)
    table[:, len(head) : len(head) + size] = keys
    return table.tobytes()


def _only_key(size: int) -> bytes:
    """Return what stands before the key of an element that has nothing else: NFTA_LIST_ELEM, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE.

    nf_tables sets no NLA_F_NESTED on them.
    """
    padded = size + 3 & ~3
    return _ONLY_KEY.pack(padded + 12, 1, padded + 8, 1, size + 4, 1)


def _list(payload: bytes) -> Iterator[dict[int, bytes]]:
    """Yield the attributes of each member of a list (NFTA_LIST_ELEM)."""
    position = 0
    while position + 4 <= len(payload):
        length = int.from_bytes(payload[position : position + 2], "little")
        if length < 4:
            return
        yield attributes(payload[position + 4 : position + length])
        position += (length + 3) & ~3


def _text(payload: bytes) -> str:
    return payload.split(b"\0", 1)[0].decode(errors="surrogateescape")


def _open() -> socket.socket:
    try:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        try:
            made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
            made.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 8 << 20)
        except PermissionError:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        made.bind((0, 0))
    except OSError as error:
        raise DataplaneError("nftables", "open a socket to", error.errno or errno.EIO, retryable=True) from error
    return made

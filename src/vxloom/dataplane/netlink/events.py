"""What the kernel says has changed. Hints only: a reader compares the key with what it wants, and looks again when some were lost."""

from __future__ import annotations

import errno
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self, TypeAlias

from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink.decode import decode_one
from vxloom.dataplane.netlink.parse_links import parse_link
from vxloom.dataplane.netlink.socket import DUMP_STEP, dataplane_error, open_socket
from vxloom.dataplane.netlink.wire import Message, messages

HintKind: TypeAlias = Literal["link", "neighbour", "fdb"]
READS: Final = 4096
"""Most datagrams per read, so that a storm of events does not hold the caller for ever."""


class Hint(NamedTuple):
    """One thing changed. ``master``: the bridge, for a port or a bridge's row; ``hi``, ``lo``: VTEP of an FDB row, IP of a neighbour."""

    kind: HintKind
    deleted: bool
    ifindex: int
    master: int = 0
    mac: int = 0
    hi: int = 0
    lo: int = 0
    name: str = ""
    """Of a link."""


class Events(NamedTuple):
    """Hints in the kernel's order; ``lost``: the kernel dropped some, so anything may have changed."""

    hints: tuple[Hint, ...]
    lost: bool


class EventSocket:
    """Subscribed to links, neighbours and FDB rows of the network namespace it was made in. Never blocks."""

    def __init__(self, *, receive_buffer: int = 8 << 20) -> None:
        """Subscribe; only what happens from now on is told, so observe after this.

        Raises:
            DataplaneError: no socket could be had.
        """
        try:
            self._socket = open_socket(receive_buffer, 65536)
            try:
                self._socket.setblocking(False)
                for group in (c.RTNLGRP_LINK, c.RTNLGRP_NEIGH):
                    self._socket.setsockopt(c.SOL_NETLINK, c.NETLINK_ADD_MEMBERSHIP, group)
            except BaseException:
                self._socket.close()
                raise
        except OSError as error:
            raise dataplane_error(error, "subscribe to") from error
        self._buffer = memoryview(bytearray(DUMP_STEP))

    def fileno(self) -> int:
        """The descriptor, readable when there is something to read."""
        return self._socket.fileno()

    def close(self) -> None:
        """Unsubscribe."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    def read(self) -> Events:
        """Return what is there, perhaps nothing. More may be there still if very much happened: the descriptor stays readable.

        Raises:
            DataplaneError: the socket itself failed.
        """
        hints: list[Hint] = []
        lost = False
        for _ in range(READS):
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise dataplane_error(error, "receive from") from error
                lost = True
                continue
            hints.extend(hint for received in messages(self._buffer[:size]) for hint in hints_of(received))
        return Events(tuple(hints), lost)


def hints_of(received: Message) -> list[Hint]:
    """Return the hints of one multicast message."""
    if received.kind in {c.RTM_NEWLINK, c.RTM_DELLINK}:
        # A bridge also sends RTM_DELLINK of family AF_BRIDGE when a port leaves: the link itself lives on.
        link = parse_link(received)
        gone = received.kind == c.RTM_DELLINK and received.body[0] != c.AF_BRIDGE
        return [Hint("link", gone, link.index, link.master, link.mac, name=link.name)]
    if received.kind in {c.RTM_NEWNEIGH, c.RTM_DELNEIGH}:
        hi, lo, mac, ifindex, master, _, _, _, family, _, _ = decode_one(received.body)
        kind: HintKind = "fdb" if family == c.AF_BRIDGE else "neighbour"
        return [Hint(kind, received.kind == c.RTM_DELNEIGH, ifindex, master, mac, hi, lo)]
    return []

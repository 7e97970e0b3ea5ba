"""Link, neighbour and FDB notices, folded to the VNIs and taps they concern.

A bulk write of ours comes back as one notice per row, and cannot be told from a stranger's. So of a row's notice only the
link is read, at its fixed place: a tenth of the cost of decoding it.
"""

from __future__ import annotations

import errno
import re
import struct
from typing import Final

from vxloom.dataplane.netlink import Link, NetlinkSocket, link_dump, parse_links
from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink.parse_links import parse_link
from vxloom.dataplane.netlink.socket import dataplane_error, open_socket
from vxloom.dataplane.netlink.wire import HEADER, messages

_OURS: Final = re.compile(r"^(brvx-|vxlan)(\d+)$")
_NEIGHBOUR: Final = frozenset({c.RTM_NEWNEIGH, c.RTM_DELNEIGH})
_LINK: Final = frozenset({c.RTM_NEWLINK, c.RTM_DELLINK})
_FAMILY_AND_INDEX: Final = struct.Struct("=BxxxI")
_READS: Final = 16384


class LinkEvents:
    """Subscribed to the network namespace it was made in. Never blocks."""

    def __init__(self) -> None:
        """Subscribe, then learn the links there are. Raises ``DataplaneError``."""
        self._vni: dict[int, int] = {}
        self._name: dict[int, str] = {}
        self._bridge: dict[int, int] = {}
        """Port's index → its bridge's."""
        try:
            self._socket = open_socket(32 << 20, 65536)
            try:
                self._socket.setblocking(False)
                for group in (c.RTNLGRP_LINK, c.RTNLGRP_NEIGH):
                    self._socket.setsockopt(c.SOL_NETLINK, c.NETLINK_ADD_MEMBERSHIP, group)
            except BaseException:
                self._socket.close()
                raise
        except OSError as error:
            raise dataplane_error(error, "subscribe to") from error
        with NetlinkSocket() as sock:
            for link in parse_links(sock.dump(link_dump())):
                self._learn(link)

    def fileno(self) -> int:
        """The descriptor, readable when there is something to read."""
        return self._socket.fileno()

    def close(self) -> None:
        """Unsubscribe."""
        self._socket.close()

    def read(self) -> tuple[set[int], set[str], bool]:
        """Return VNIs and names of other links that something changed at, and whether notices were lost. May leave some for later.

        Raises ``DataplaneError`` when the socket itself failed.
        """
        vnis: set[int] = set()
        names: set[str] = set()
        rows: set[int] = set()
        lost = False
        for _ in range(_READS):
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise dataplane_error(error, "receive from") from error
                lost = True
                continue
            _, kind, _, _, _ = HEADER.unpack_from(data)
            if kind in _NEIGHBOUR:  # row notices come one per datagram
                rows.add(_FAMILY_AND_INDEX.unpack_from(data, HEADER.size)[1])
            elif kind in _LINK:
                self._place(rows, vnis, names)  # while the indexes still mean what they meant
                self._links(data, vnis, names)
        self._place(rows, vnis, names)
        return vnis, names, lost

    def _place(self, rows: set[int], vnis: set[int], names: set[str]) -> None:
        """Say where rows live; a link that was never ours nor a port of ours has neighbours that are nobody's business here."""
        for index in rows:
            bridge = self._bridge.get(index, 0)
            if index in self._vni:
                vnis.add(self._vni[index])
            elif bridge in self._vni:
                vnis.add(self._vni[bridge])
                names.add(self._name[index])
        rows.clear()

    def _links(self, data: bytes, vnis: set[int], names: set[str]) -> None:
        for received in messages(memoryview(data)):
            link = parse_link(received)
            touched = {self._vni[index] for index in (link.index, self._bridge.get(link.index, 0)) if index in self._vni}
            # A bridge also sends RTM_DELLINK of family AF_BRIDGE when a port leaves: the link itself lives on.
            if received.kind == c.RTM_DELLINK and received.body[0] != c.AF_BRIDGE:
                for known in (self._vni, self._name, self._bridge):
                    known.pop(link.index, None)
            else:
                self._learn(link)
            touched |= {self._vni[index] for index in (link.index, link.master) if index in self._vni}
            vnis |= touched
            if not _OURS.match(link.name):
                names.add(link.name)

    def _learn(self, link: Link) -> None:
        match = _OURS.match(link.name)
        if match:
            self._vni[link.index] = int(match.group(2))
        self._name[link.index] = link.name
        if link.master:
            self._bridge[link.index] = link.master
        else:
            self._bridge.pop(link.index, None)

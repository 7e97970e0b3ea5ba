"""Taking links away in chunks that hold the kernel's link lock briefly (law 10).

A VXLAN device goes by link group: a chunk is moved to a group of its own and the group deleted in one message, which shares
the kernel's grace periods among them. A bridge takes 16 ms by itself (measured, Linux 6.18), so few go at a time. How
many is measured as it goes: a chunk that took long makes the next one smaller.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from vxloom.dataplane.linuxbridge.links import is_ours
from vxloom.dataplane.linuxbridge.observe import get_links
from vxloom.dataplane.netlink import Failure, NetlinkSocket, delete_group, link_dump, parse_links, set_link

DYING_GROUP: Final = 0x76786C78
"""Link group of what is about to be deleted ("vxlx")."""
_TARGET: Final = 0.045
"""Seconds a chunk should hold the lock: half of what law 10 allows."""
_GONE: Final = frozenset({errno.ENODEV, errno.ENOENT})


class Chunk:
    """How many links to delete at once, learnt from how long the last ones took."""

    def __init__(self, first: int) -> None:
        self.size = first

    def learn(self, count: int, seconds: float) -> None:
        """Take in that ``count`` links took ``seconds``."""
        fits = int(count * _TARGET / max(seconds, 1e-6))
        self.size = max(1, min(fits, 2 * self.size, 512))


class Remove:
    """Deletes and detaches links through one socket."""

    def __init__(self, sock: NetlinkSocket) -> None:
        self._sock = sock
        self._chunks = {"vxlan": Chunk(32), "bridge": Chunk(2)}

    def links(self, kind: str, names: Sequence[str], urgent: Callable[[], None]) -> list[str]:
        """Delete links of ours by name; one that is gone already is a success. One error text per name."""
        errors = [""] * len(names)
        chunk = self._chunks[kind]
        start = 0
        while start < len(names):
            stop = min(start + chunk.size, len(names))
            self._delete(names[start:stop], errors, start, chunk)
            start = stop
            urgent()
        return errors

    def taps(self, names: Sequence[str]) -> list[str]:
        """Detach taps from our bridges; the devices are not ours and stay."""
        links = get_links(self._sock, names)
        bridges = {link.master for link in links.values() if link.master}
        ours = {link.index for link in parse_links(self._sock.dump(link_dump(kind="bridge"))) if is_ours(link)} if bridges else set()
        there = [place for place, name in enumerate(names) if name in links and links[name].master in ours]
        errors = [""] * len(names)
        for failure in self._sock.batch([set_link(links[names[place]].index, master=0) for place in there]):
            if failure.errno not in _GONE:
                errors[there[failure.index]] = _text(f"detach {names[there[failure.index]]}", failure)
        return errors

    def _delete(self, names: Sequence[str], errors: list[str], first: int, chunk: Chunk) -> None:
        links = get_links(self._sock, names)
        there = [place for place, name in enumerate(names) if name in links and is_ours(links[name])]
        if not there:
            return
        failures = self._sock.batch([set_link(links[names[place]].index, group=DYING_GROUP) for place in there])
        for failure in failures:
            if failure.errno not in _GONE:
                errors[first + there[failure.index]] = _text(f"delete {names[there[failure.index]]}", failure)
        began = time.monotonic()
        refused = [each for each in self._sock.batch([delete_group(DYING_GROUP)]) if each.errno not in _GONE]
        chunk.learn(len(there), time.monotonic() - began)
        for place in there if refused else ():
            errors[first + place] = errors[first + place] or _text(f"delete {names[place]}", refused[0])


def _text(what: str, failure: Failure) -> str:
    return f"{what}: {failure.text or os.strerror(failure.errno)} (errno {failure.errno})"

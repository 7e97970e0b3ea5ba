"""Taking links away in chunks that hold the kernel's link lock briefly (law 10).

VXLAN devices go by link group: a chunk is moved to a group of its own and the group deleted in one message, whose grace
periods all of them share. Measured (Linux 6.18): 0.35 ms a device with the lock held and 15 ms a chunk, so a thousand in chunks of
130 take a third longer than all in one group, which would hold the lock for 0.4 s. A bridge takes 16 ms or more whatever goes
with it, so bridges go by a message each: between two messages the lock is free. How many make a chunk is learnt as it goes, since
grace periods grow with the machine's load.
"""

from __future__ import annotations

import errno
import itertools
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from vxloom.dataplane.linuxbridge.links import is_ours
from vxloom.dataplane.linuxbridge.observe import get_links
from vxloom.dataplane.netlink import Failure, NetlinkSocket, delete_group, delete_link, link_dump, parse_links, set_link
from vxloom.model.state import TAP_GROUP, Bridge, VxlanDevice

_DYING: Final = 0x7800_0000
"""Link groups from here up to 2^24 more are for what is about to be deleted."""
_SHORT, _LONG = 0.04, 0.06
"""Seconds: a chunk that took less may grow, one that took more must shrink. Law 10 allows 0.1, and loads change from chunk to chunk."""
_GONE: Final = frozenset({errno.ENODEV, errno.ENOENT})


class Chunk:
    """How many links to delete at once, learnt from how long the last ones took."""

    def __init__(self, first: int) -> None:
        self.size = first

    def learn(self, count: int, seconds: float) -> None:
        """Take in that ``count`` links took ``seconds``."""
        if seconds > _LONG:
            self.size = max(1, int(count * _LONG / seconds))
        elif seconds < _SHORT and count >= self.size:
            self.size = min(self.size + max(1, self.size // 3), 256)


class Remove:
    """Deletes and detaches links through one socket."""

    def __init__(self, sock: NetlinkSocket) -> None:
        self._sock = sock
        # Each chunk has a group nobody had before: of a chunk whose agent died, some devices may be wanted again.
        self._groups = itertools.count(time.monotonic_ns() // 1_000_000)
        self._chunks = {VxlanDevice.kind: Chunk(64), Bridge.kind: Chunk(2)}

    def links(self, kind: str, names: Sequence[str], urgent: Callable[[], None]) -> list[str]:
        """Delete links of ours by name; one that is gone already is a success. One error text per name."""
        errors = [""] * len(names)
        chunk = self._chunks[kind]
        start = 0
        while start < len(names):
            stop = min(start + chunk.size, len(names))
            self._delete(kind, names[start:stop], errors, start, chunk)
            start = stop
            urgent()
        return errors

    def taps(self, names: Sequence[str]) -> list[str]:
        """Detach taps from our bridges and take our group off them; the devices are not ours and stay."""
        links = get_links(self._sock, names)
        bridges = {link.master for link in links.values() if link.master}
        ours = {link.index for link in parse_links(self._sock.dump(link_dump(kind="bridge"))) if is_ours(link)} if bridges else set()
        there: list[int] = []
        changes: list[bytes] = []
        for place, name in enumerate(names):
            link = links.get(name)
            attached, marked = (link.master in ours, link.group == TAP_GROUP) if link else (False, False)
            if link and (attached or marked):
                there.append(place)
                changes.append(set_link(link.index, master=0 if attached else None, group=0 if marked else None))
        errors = [""] * len(names)
        for failure in self._sock.batch(changes):
            if failure.errno not in _GONE:
                errors[there[failure.index]] = _text(f"detach {names[there[failure.index]]}", failure)
        return errors

    def _delete(self, kind: str, names: Sequence[str], errors: list[str], first: int, chunk: Chunk) -> None:
        links = get_links(self._sock, names)
        there = [place for place, name in enumerate(names) if name in links and is_ours(links[name])]
        indexes = [links[names[place]].index for place in there]
        if not there:
            return
        by_group = kind == VxlanDevice.kind
        group = _DYING | next(self._groups) & 0xFF_FFFF
        failures = self._sock.batch([set_link(index, group=group) for index in indexes]) if by_group else []
        began = time.monotonic()
        if by_group:
            # A refusal is the whole group's.
            refused = self._sock.batch([delete_group(group)])
            failures += [Failure(number, each.errno, each.text) for each in refused for number in range(len(there))]
        else:
            failures += self._sock.batch([delete_link(index) for index in indexes])
        chunk.learn(len(there), time.monotonic() - began)
        for failure in failures:
            if failure.errno not in _GONE:
                place = there[failure.index]
                errors[first + place] = errors[first + place] or _text(f"delete {names[place]}", failure)


def _text(what: str, failure: Failure) -> str:
    return f"{what}: {failure.text or os.strerror(failure.errno)} (errno {failure.errno})"

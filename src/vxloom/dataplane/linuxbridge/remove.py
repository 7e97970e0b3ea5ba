"""Taking links away in steps that hold the kernel's link lock briefly (law 10).

VXLAN devices go by link group: a chunk is moved to a group of its own and the group deleted in one message. Measured (Linux 6.18): 0.3 ms
a device with the lock held, half of it grace periods the kernel waits for device by device, whoever asks and however; a thousand at
once would hold it for 0.3 s. A bridge takes 16 ms with the lock held, so bridges go by a message each. What the kernel does without the
lock is left to :mod:`~vxloom.dataplane.linuxbridge.hands`. How many devices make a chunk is learnt as it goes, since grace periods grow
with the machine's load.
"""

from __future__ import annotations

import errno
import itertools
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from vxloom.dataplane.linuxbridge.hands import Hands
from vxloom.dataplane.linuxbridge.links import is_ours, marked_name
from vxloom.dataplane.linuxbridge.observe import get_links
from vxloom.dataplane.netlink import Failure, NetlinkSocket, delete_group, delete_link, link_dump, parse_links, set_link
from vxloom.model.state import TAP_GROUP, VxlanDevice, altname

_DYING: Final = 0x7800_0000
"""Link groups from here up to 2^24 more are for what is about to be deleted."""
_HOLD: Final = 0.04
"""Seconds a chunk is to hold the link lock. Law 10 allows 0.1, and loads change from chunk to chunk."""
_MOST: Final = 256
_GONE: Final = frozenset({errno.ENODEV, errno.ENOENT})


class Chunk:
    """How many links to delete at once, learnt from how long the last ones took."""

    def __init__(self, first: int) -> None:
        self.size = first

    def learn(self, count: int, seconds: float) -> None:
        """Take in that ``count`` links took ``seconds``. A short rest of a long list teaches only if it was slow."""
        if count >= self.size or seconds > _HOLD:
            self.size = max(1, min(int(count * _HOLD / seconds), 2 * self.size, _MOST))


class Remove:
    """Deletes and detaches links."""

    def __init__(self, sock: NetlinkSocket) -> None:
        """``sock`` marks and detaches; what deletes has sockets of its own. Raises ``DataplaneError``."""
        self._sock = sock
        self._hands = Hands()
        # Each chunk has a group nobody had before: of a chunk whose agent died, some devices may be wanted again.
        self._groups = itertools.count(time.monotonic_ns() // 1_000_000)
        self._chunk = Chunk(32)

    def close(self) -> None:
        """Give back what it opened itself."""
        self._hands.close()

    def links(self, kind: str, names: Sequence[str], urgent: Callable[[], None]) -> list[str]:
        """Delete links of ours by name; one that is gone already is a success. One error text per name.

        On return they are gone for everybody who looks; the kernel may take a moment longer to free their memory.
        """
        errors: list[str] = []
        while len(errors) < len(names):
            first = len(errors)
            if kind == VxlanDevice.kind:
                errors += self._chunk_of_devices(names[first : first + self._chunk.size])
            else:
                errors.append(self._one(names[first]))
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

    def _chunk_of_devices(self, names: Sequence[str]) -> list[str]:
        group = _DYING | next(self._groups) & 0xFF_FFFF
        marks = list(names)
        refused = self._to_group(marks, range(len(names)), group)
        if gone := [place for place, failure in refused.items() if failure.errno in _GONE]:
            links = get_links(self._sock, [names[place] for place in gone])
            renamed = [place for place in gone if names[place] in links and is_ours(links[names[place]])]
            for place in renamed:
                marks[place] = marked_name(links[names[place]])
                del refused[place]
            refused |= self._to_group(marks, renamed, group)
        there = [place for place in range(len(names)) if place not in refused]
        if there:
            began = time.monotonic()
            failures = self._hands.carry(delete_group(group), marks[there[0]])
            self._chunk.learn(len(there), time.monotonic() - began)
            # A refusal is the whole group's.
            refused |= {place: failure for failure in failures for place in there}
        return [_refusal(name, refused.get(place)) for place, name in enumerate(names)]

    def _to_group(self, marks: Sequence[str], places: Sequence[int], group: int) -> dict[int, Failure]:
        """Move links into a group, by their marks, so that the kernel itself sees that they are ours; return refusals by place."""
        failures = self._sock.batch([set_link(name=altname(marks[place]), group=group) for place in places])
        return {places[failure.index]: failure for failure in failures}

    def _one(self, name: str) -> str:
        link = get_links(self._sock, [name]).get(name)
        if link is None or not is_ours(link):
            return ""
        failures = self._hands.carry(delete_link(link.index), marked_name(link))
        return _refusal(name, failures[0] if failures else None)


def _refusal(name: str, failure: Failure | None) -> str:
    return "" if failure is None or failure.errno in _GONE else _text(f"delete {name}", failure)


def _text(what: str, failure: Failure) -> str:
    return f"{what}: {failure.text or os.strerror(failure.errno)} (errno {failure.errno})"

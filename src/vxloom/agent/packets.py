"""Marked packets for ``vxloom why --packet``: this host looks for them, sends them for its own guests, and tells what it saw.

Three questions, so that every host looks before any sends. Who looks stops by itself after a few seconds.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping

import msgspec

from vxloom.agent.held import Word
from vxloom.dataplane import marked
from vxloom.dataplane.marked import Outlook, Passing
from vxloom.errors import DataplaneError
from vxloom.hypervisor.external import ExternalSource
from vxloom.hypervisor.namespace import entrance
from vxloom.model.host import PortDocument, decode_ports, tap_name
from vxloom.model.intent import GuestSource
from vxloom.model.packet import COUNT, Act, Entry, Kind, Order, Point, Seen, Sent, Sighting
from vxloom.model.pair import Pair
from vxloom.model.state import bridge_name, vxlan_name

LEASE = 5.0
"""Seconds a host looks for packets that nobody asks about any more."""
_PATIENCE = 0.5
"""Seconds the last packet may take: a fabric's round trip is below a hundredth of it."""
_ANSWERING = 0.05
"""Seconds a guest that was reached has to answer."""


class Packets:
    """The packets of one agent. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outlook: Outlook | None = None
        self._mark = b""
        self._until = 0.0

    def obey(self, about: bytes, word: Word) -> bytes:
        """Do what an :class:`Order` says and return the answer, both JSON. Raises ``DataplaneError``."""
        order = msgspec.json.decode(about, type=Order)
        ports = _ports(order.pair, word)
        match order.act:
            case Act.WATCH:
                return self._watch(bytes.fromhex(order.mark))
            case Act.SEND:
                return msgspec.json.encode(_send(order, ports))
            case Act.TELL:
                return msgspec.json.encode(self._tell(order, ports))

    def tidy(self) -> None:
        """Stop looking when nobody has asked for a while."""
        with self._lock:
            if self._outlook is not None and time.monotonic() > self._until:
                self._close()

    def close(self) -> None:
        """Stop looking."""
        with self._lock:
            self._close()

    def _watch(self, mark: bytes) -> bytes:
        with self._lock:
            if self._outlook is not None and time.monotonic() <= self._until:
                text = "packets are followed here for somebody else at this moment; ask again"
                raise DataplaneError("packets", "look for", 16, text)  # EBUSY
            self._close()
            self._outlook, self._mark, self._until = Outlook(mark), mark, time.monotonic() + LEASE
        return msgspec.json.encode(Seen(()))

    def _tell(self, order: Order, ports: Mapping[int, PortDocument]) -> Seen:
        with self._lock:
            if self._outlook is None or self._mark != bytes.fromhex(order.mark):
                raise DataplaneError("packets", "tell of", 2, "nobody looks for them any more; ask again")  # ENOENT
            try:
                return _seen(self._outlook, order.pair, _taps(order.pair, ports))
            finally:
                self._close()

    def _close(self) -> None:
        outlook, self._outlook = self._outlook, None
        if outlook is not None:
            outlook.close()


def _ports(pair: Pair, word: Word) -> Mapping[int, PortDocument]:
    nics = {pair.ends[place].nic: place for place in pair.here}
    return {nics[port.nic]: port for port in decode_ports(word.document)[0] if port.nic in nics} if word.document else {}


def _taps(pair: Pair, ports: Mapping[int, PortDocument]) -> dict[str, int]:
    """Return tap → place of those who live here."""
    found: dict[str, int] = {}
    for place in pair.here:
        port = ports.get(place)
        if port is not None and port.source is GuestSource.EXTERNAL:
            found[ExternalSource().ensure([port], {})[0].tap] = place
        else:
            found[port.tap if port is not None else tap_name(pair.ends[place].nic)] = place
    return found


def _send(order: Order, ports: Mapping[int, PortDocument]) -> Sent:
    entries: dict[int, Entry] = {}
    failed: dict[int, str] = {}
    for place in order.pair.here:
        port = ports.get(place)
        packets = marked.frames(bytes.fromhex(order.mark), order.pair.ends[place], order.pair.ends[1 - place], place)
        try:
            if port is not None and port.source is GuestSource.NAMESPACE:
                netns, card = entrance(port)
                marked.send(card, packets, netns)
                entries[place] = Entry.CARD
            else:
                marked.send(bridge_name(order.pair.vni), packets)
                entries[place] = Entry.BRIDGE
        except DataplaneError as error:
            failed[place] = str(error)
    return Sent(entries, failed)


def _seen(outlook: Outlook, pair: Pair, taps: Mapping[str, int]) -> Seen:
    """Return what came by, as soon as all has that can come to guests of this host."""
    numbers: dict[tuple[int, Kind, Point, bool], set[int]] = defaultdict(set)
    arrivals = [(1 - place, kind, Point.TAP, True) for place in pair.here for kind in (Kind.UNICAST, Kind.BROADCAST)]
    answers = [(1 - place, Kind.ANSWER, Point.TAP, False) for place in pair.here]
    deadline = time.monotonic() + _PATIENCE
    while packet := outlook.next(deadline):
        point = _point(packet, pair, taps)
        if point is not None:
            numbers[packet.source, packet.kind, point, packet.outward].add(packet.number)
        if all(len(numbers.get(key, ())) >= COUNT for key in arrivals):
            answered = all(len(numbers.get(key, ())) >= COUNT for key in answers)
            deadline = min(deadline, time.monotonic() + (0.0 if answered else _ANSWERING))
    found = (
        Sighting(source=source, kind=kind, point=point, outward=outward, count=len(those))
        for (source, kind, point, outward), those in sorted(numbers.items())
    )
    return Seen(tuple(found))


def _point(packet: Passing, pair: Pair, taps: Mapping[str, int]) -> Point | None:
    """Return where of the way a packet was seen; None: a place that says nothing (another guest's tap, a leg of a bond)."""
    if packet.tunnelled:
        return Point.UNDERLAY
    if packet.device == vxlan_name(pair.vni):
        return Point.VXLAN
    place = taps.get(packet.device)
    if place is None:
        return None
    # The receiver's answer comes in by its own tap; what is sent comes in by the sender's and goes out by the receiver's.
    own = place == packet.source if packet.kind is not Kind.ANSWER else place != packet.source
    return Point.TAP if own is not packet.outward else None

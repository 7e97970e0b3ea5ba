"""Packets of our own that are sent for one machine to another and looked for on their way: questions and answers. JSON on the wire."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from vxloom.model.pair import Pair


class Act(StrEnum):
    """What a host is to do; in this order, all hosts each."""

    WATCH = "watch"
    """Look for marked packets from now on, for a few seconds."""
    SEND = "send"
    """Send them for those of the pair that live here."""
    TELL = "tell"
    """Tell what was seen, and look no more."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a host is asked."""

    act: Act
    mark: str
    """16 hexadecimal digits that only these packets carry."""
    pair: Pair


class Kind(StrEnum):
    """What kind of packet it is."""

    UNICAST = "unicast"
    BROADCAST = "broadcast"
    ANSWER = "answer"
    """The other guest's own, to a unicast one."""


class Point(StrEnum):
    """Where packets are looked for on a host."""

    TAP = "tap"
    VXLAN = "vxlan"
    UNDERLAY = "underlay"


class Entry(StrEnum):
    """Where a sender's packets are put in."""

    CARD = "card"
    """The guest's own card: they come by the tap as the guest's do."""
    BRIDGE = "bridge"
    """The bridge itself: nobody but the hypervisor can send into a tap that it holds, so tap and filter are passed by."""


class Sent(msgspec.Struct, frozen=True):
    """Answer to ``send``: per place in the pair."""

    entries: dict[int, Entry]
    failed: dict[int, str] = {}
    """Place → why nothing was sent."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """Packets of one kind that came by a point."""

    source: int
    """Place in the pair of the machine they were sent for."""
    kind: Kind
    point: Point
    outward: bool
    """On a tap: to the guest; elsewhere: to the underlay."""
    count: int
    """Different ones."""


class Seen(msgspec.Struct, frozen=True):
    """Answer to ``tell``; that to ``watch`` is an empty one."""

    sightings: tuple[Sighting, ...]


COUNT = 3
"""Packets of each kind and direction."""

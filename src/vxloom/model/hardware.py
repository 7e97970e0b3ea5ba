"""What a host's hardware tells of itself: temperatures, links, bonds, rates. Evidence only: nothing here judges.

Everything is bounded by who reads it (:mod:`vxloom.agent.hardware`) and again by who judges it (:mod:`vxloom.server.health`).
"""

from __future__ import annotations

import msgspec


class Sensor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A chip that measures temperatures: the hottest of its inputs."""

    name: str
    """Chip and where it sits, the same after a boot: ``coretemp (coretemp.0)``."""
    celsius: int
    beyond: bool = False
    """An input is at or above the critical limit that the hardware itself states, or raises its critical alarm."""


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A network device at the bottom of the underlay: a card, or what stands for one."""

    name: str
    up: bool
    """It has a carrier."""
    physical: bool = True
    """There is a device behind it; False for a veth and the like."""
    speed: int = 0
    """Mbit/s; 0: not told, or down."""
    full: bool = True
    """Full duplex, or not told."""
    best: int = 0
    """The highest speed this card was seen with, Mbit/s."""
    errors: float = 0.0
    """Frames per second received or sent in error, over the last minute."""
    drops: float = 0.0
    """Frames per second dropped for want of room, over the last minute."""
    offloads: tuple[str, ...] = ()
    """Offloads that are not as they were at the first look since the boot: ``tx-udp_tnl-segmentation off``."""
    power: float | None = None
    """Received optical power in dBm, of the weakest lane; None: no optics, or they do not tell."""
    dim: bool = False
    """The optics raise their own alarm for low receive power."""


class Leg(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bond's member."""

    name: str
    up: bool
    """As the bond sees it (``mii_status``)."""
    joined: bool = True
    """It is in the bond's active aggregator (LACP); always true in other modes."""
    synced: bool = True
    """The other end collects and distributes on it (LACP, partner's port state); always true in other modes."""


class Bond(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bond of the underlay."""

    name: str
    mode: str
    """In the kernel's word: ``802.3ad``, ``active-backup``."""
    legs: tuple[Leg, ...] = ()
    partner: str = ""
    """MAC of the LACP partner; empty: none, or not LACP."""


class Hardware(msgspec.Struct, frozen=True, omit_defaults=True):
    """One look at a host's hardware."""

    sensors: tuple[Sensor, ...] = ()
    links: tuple[Link, ...] = ()
    bonds: tuple[Bond, ...] = ()
    fragments: float = 0.0
    """IP packets per second fragmented or put together by this host, both families, over the last minute."""
    failures: float = 0.0
    """IP packets per second that could not be fragmented or put together, over the last minute."""
    unread: str = ""
    """Why this is not what is now: what the agent has been waiting for; empty: it is."""

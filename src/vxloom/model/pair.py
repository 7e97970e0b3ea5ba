"""Two NICs of which somebody asks whether they can talk: the subject of a question to the hosts they live on. JSON on the wire."""

from __future__ import annotations

import msgspec


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two."""

    vm: str
    """The machine's name, for people."""
    nic: str
    """Its id; "" where it is known by its addresses only."""
    mac: str
    ips: tuple[str, ...] = ()
    """Bare addresses."""
    host: str
    """The host it lives on, as the cloud calls it."""
    vtep: str


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Both, in one segment."""

    vni: int
    ends: tuple[End, End]
    here: tuple[int, ...]
    """Places in ``ends`` of those that live on the host that is asked."""

    @property
    def together(self) -> bool:
        """Whether both live on one host: nothing crosses the underlay."""
        return self.ends[0].host == self.ends[1].host

"""Which ways between hosts are measured where there are too many for all (1,000 hosts: 999,000). Pure; the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

Direction = tuple[str, str]
"""Ids of the host that sends and of the one it sends to."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Directions to be measured, by sender."""

    directions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    total: int = 0
    """How many there are in all."""
    seed: int = 0

    @property
    def ends(self) -> frozenset[str]:
        """All hosts that send or are sent to."""
        return frozenset(self.directions) | {remote for remotes in self.directions.values() for remote in remotes}

    @property
    def count(self) -> int:
        """How many directions are in it."""
        return sum(map(len, self.directions.values()))


class _Peers:
    """Who shares a segment with whom: a set of bits for each host, so that a segment of 10,000 hosts is 12 MB, not 100 million pairs."""

    def __init__(self, segments: Iterable[Collection[str]]) -> None:
        wide = [sorted(set(members)) for members in segments]
        self.hosts = sorted({host for members in wide for host in members})
        self.place = {host: place for place, host in enumerate(self.hosts)}
        self.of = [0] * len(self.hosts)
        for members in wide:
            bits = 0
            for host in members:
                bits |= 1 << self.place[host]
            for host in members:
                self.of[self.place[host]] |= bits
        for place in range(len(self.hosts)):
            self.of[place] &= ~(1 << place)

    def some(self, place: int, chance: random.Random) -> int:
        """Return a random peer of a host that has one."""
        bits = self.of[place]
        while bits.bit_count() * _SPARSE > len(self.hosts):
            other = chance.randrange(len(self.hosts))
            if bits >> other & 1:
                return other
        return chance.choice(_members(bits))


def _members(bits: int) -> list[int]:
    found: list[int] = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def draw(
    segments: Iterable[Collection[str]],
    number: int,
    seed: int,
    *,
    senders: Collection[str] | None = None,
    first: Iterable[Direction] = (),
) -> Sample:
    """Return ``number`` directions between hosts that share a segment, or all if there are no more.

    Every host that has a peer sends and is sent to at least once, even if that takes more (twice as many as hosts, at most). ``senders``:
    only these send, and then not everybody is sent to. ``first``: directions that are in it in any case, if there are such.
    """
    peers, chance = _Peers(segments), random.Random(seed)  # noqa: S311 - a sample, no secret
    allowed = [place for place, host in enumerate(peers.hosts) if peers.of[place] and (senders is None or host in senders)]
    total = sum(peers.of[place].bit_count() for place in allowed)
    chosen: dict[tuple[int, int], None] = {}
    if total <= number:
        chosen = {(place, other): None for place in allowed for other in _members(peers.of[place])}
    else:
        may = frozenset(allowed)
        for sender, remote in first:
            place, other = peers.place.get(sender), peers.place.get(remote)
            if place is not None and other is not None and place in may and peers.of[place] >> other & 1:
                chosen[place, other] = None
        chosen |= dict.fromkeys(_cover(peers, allowed, chance, everybody=senders is None))
        weights = [peers.of[place].bit_count() for place in allowed]
        while len(chosen) < number:
            for place in chance.choices(allowed, weights, k=number - len(chosen)):
                chosen[place, peers.some(place, chance)] = None
    directions: dict[str, list[str]] = {}
    for place, other in sorted(chosen):
        directions.setdefault(peers.hosts[place], []).append(peers.hosts[other])
    return Sample({sender: tuple(remotes) for sender, remotes in directions.items()}, total, seed)


def _cover(peers: _Peers, allowed: list[int], chance: random.Random, *, everybody: bool) -> Iterable[tuple[int, int]]:
    """Yield directions so that everybody sends, and is sent to: to one who is not yet sent to where there is one."""
    left = sum(1 << place for place in allowed)
    order = list(allowed)
    chance.shuffle(order)
    for place in order:
        open_ones = peers.of[place] & left
        other = chance.choice(_members(open_ones)) if 0 < open_ones.bit_count() < _FEW else _one_of(peers, place, open_ones, chance)
        left &= ~(1 << other)
        yield place, other
    for other in _members(left) if everybody else ():
        yield peers.some(other, chance), other  # peers are peers of one another


_FEW = 64
_SPARSE = 256
"""Random hosts tried until one is a peer, at most and on average: quicker than to list all peers."""


def _one_of(peers: _Peers, place: int, bits: int, chance: random.Random) -> int:
    """Return a random member of a large set of bits by trying, any peer of the host where that fails or the set is empty."""
    for _ in range(_FEW if bits else 0):
        other = chance.randrange(len(peers.hosts))
        if bits >> other & 1:
            return other
    return _members(bits)[0] if bits else peers.some(place, chance)

"""From two hosts' sights to one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vxloom.doctor.why.arriving import arriving
from vxloom.doctor.why.evidence import Sight
from vxloom.doctor.why.leaving import leaving
from vxloom.doctor.why.packets import Packets, followed
from vxloom.doctor.why.story import Reach, Standing, Step, Story, Way
from vxloom.model.pair import End, Pair

Known = Sight | str | None
"""What a host told, or why it told nothing; None: it was not asked."""


def tell(pair: Pair, sights: tuple[Known, Known], packets: Packets | None = None) -> Story:
    """Return whether the first of a pair reaches the second and is answered. ``sights``: of each one's host."""
    ways = tuple(_way(pair, place, sights, packets) for place in (0, 1))
    half = next((end.host for end, sight in zip(pair.ends, reversed(sights), strict=True) if sight is None), "")
    return Story(reach=_both(ways), sentence=_sentence(pair, ways, f"as far as {half} goes, " if half else ""), ways=ways)


def _way(pair: Pair, source: int, sights: tuple[Known, Known], packets: Packets | None) -> Way:
    here, there = sights[source], sights[1 - source]
    sender, receiver = pair.ends[source], pair.ends[1 - source]
    steps = [*leaving(pair, source, here)] if isinstance(here, Sight) else [_silent(sender, receiver, here)]
    if not pair.together and packets is None:
        steps.append(_between(sender, receiver))
    if isinstance(there, Sight):
        steps += arriving(pair, 1 - source, there)
    elif not pair.together:
        steps.append(_silent(receiver, sender, there))
    if packets is not None:
        steps += followed(pair, source, packets)
    return Way(source=sender.vm, target=receiver.vm, steps=tuple(steps), arrived=packets.arrived(source) if packets else None)


def _silent(end: End, other: End, why: str | None) -> Step:
    if why is None:
        seen = "the other half of the way: ask there, or the server"
        return Step(host=end.host, place="its kernel", standing=Standing.UNSEEN, seen=seen)
    return Step(
        host=end.host,
        place="its kernel",
        standing=Standing.UNKNOWN,
        seen=f"what it holds is not known: {why}",
        remedy=f"on {end.host}, as root: vxloom why --host {end.vm} {next(iter(other.ips), other.mac)}",
    )


def _between(sender: End, receiver: End) -> Step:
    return Step(
        host=sender.host,
        place=f"underlay to {receiver.host}",
        standing=Standing.UNSEEN,
        seen=f"{sender.vtep} to {receiver.vtep}: not looked at; `vxloom why --packet` sends packets",
    )


def _both(ways: Iterable[Way]) -> Reach:
    found = {way.reach for way in ways}
    return next(reach for reach in (Reach.NO, Reach.UNKNOWN, Reach.YES) if reach in found)


def _sentence(pair: Pair, ways: tuple[Way, ...], half: str) -> str:
    one, other = pair.ends[0].vm, pair.ends[1].vm
    match [way.reach for way in ways]:
        case [Reach.NO, _]:
            return f"{one} cannot reach {other}: {_faults(ways)}"
        case [_, Reach.NO]:
            return f"{one} gets no answer of {other}: {_faults(ways)}"
        case [Reach.YES, Reach.YES]:
            return f"{half}{one} can reach {other}{_proof(pair, ways, half)}{_but(ways)}"
        case _:
            unknown = next(_all(ways, Standing.UNKNOWN))
            return f"whether {one} can reach {other} cannot be told: {_told(unknown)}"


def _proof(pair: Pair, ways: tuple[Way, ...], half: str) -> str:
    if all(way.arrived for way in ways):
        return ": packets came out at both taps"
    return "" if pair.together or half else ", as far as both kernels tell"


def _faults(ways: Iterable[Way]) -> str:
    first, *rest = _all(ways, Standing.BROKEN)
    return f"{_told(first)}{f' (and {len(rest)} more, above)' if rest else ''}"


def _but(ways: Iterable[Way]) -> str:
    found = [*_all(ways, Standing.BROKEN), *_all(ways, Standing.IMPAIRED)]
    return f", but {_told(found[0])}{f' (and {len(found) - 1} more, above)' if found[1:] else ''}" if found else ""


def _all(ways: Iterable[Way], standing: Standing) -> Iterator[Step]:
    """Yield each step of a standing once, in the order of the ways: what is at a tap is met in both."""
    yield from dict.fromkeys(step for way in ways for step in way.steps if step.standing is standing)


def _told(step: Step) -> str:
    return f"on {step.host}, {step.place}: {step.seen}{f'; {step.remedy}' if step.remedy else ''}"

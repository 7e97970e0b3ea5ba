"""What became of the packets that were really sent: where they were seen, and between which two places they vanished. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from vxloom.doctor.why.story import Standing, Step
from vxloom.model.packet import COUNT, Entry, Kind, Point, Seen, Sent
from vxloom.model.pair import Pair

_WAY = (
    (0, Point.TAP, False, "came in by its tap", "they never came out of the guest's own card"),
    (0, Point.VXLAN, True, "left by the VXLAN device", "the filter or the bridge of {sender} dropped them"),
    (
        0,
        Point.UNDERLAY,
        True,
        "went onto the underlay",
        "the VXLAN device of {sender} had no way for them, or {sender}'s own firewall dropped them",
    ),
    (1, Point.UNDERLAY, False, "came from the underlay", "they were lost between the hosts: something on the way drops UDP port {port}"),
    (
        1,
        Point.VXLAN,
        False,
        "came out of the VXLAN device",
        "{receiver} dropped them: its firewall, its allow list, or no VXLAN device of this VNI",
    ),
    (
        1,
        Point.TAP,
        True,
        "went out to the guest",
        "the bridge of {receiver} dropped them: the MAC has no row there, or the tap is off the bridge",
    ),
)
"""In the order of the way: 0 the sender's host or 1 the receiver's, point, outward, what it means to be seen there, and not to be."""


class Packets(msgspec.Struct, frozen=True, kw_only=True):
    """What both hosts say of the packets."""

    sent: Sent
    """Of both ends."""
    seen: tuple[Seen | str, Seen | str]
    """Of each end's host; text: why it tells nothing."""
    udp_port: int = 4789

    def counted(self, end: int, source: int, kind: Kind, point: Point, *, outward: bool) -> int:
        """Return how many of an end's host's packets came by a point."""
        told = self.seen[end]
        wanted = (source, kind, point, outward)
        found = () if isinstance(told, str) else told.sightings
        return next((one.count for one in found if (one.source, one.kind, one.point, one.outward) == wanted), 0)

    def arrived(self, source: int) -> int | None:
        """Return how many of a sender's unicast packets went out to the other guest; None: it is not known."""
        if source not in self.sent.entries or isinstance(self.seen[1 - source], str):
            return None
        return self.counted(1 - source, source, Kind.UNICAST, Point.TAP, outward=True)


def followed(pair: Pair, source: int, packets: Packets) -> Iterator[Step]:
    """Yield what became of a sender's packets: a step for each place where they were looked for, up to the first where none came."""
    sender, receiver = pair.ends[source], pair.ends[1 - source]
    place = f"packets of {sender.vm}"
    if source not in packets.sent.entries:
        why = packets.sent.failed.get(source, "its host was not asked")
        yield Step(host=sender.host, place=place, standing=Standing.UNSEEN, seen=f"none was sent: {why}")
        return
    if packets.sent.entries[source] is Entry.BRIDGE:
        seen = "put in at the bridge: only the hypervisor can send by a tap that it holds; tap and filter are passed by"
        yield Step(host=sender.host, place=place, standing=Standing.UNSEEN, seen=seen)
    yield from _unicast(pair, source, packets, place)
    host, lost = _lost(pair, source, packets, Kind.BROADCAST)
    if lost and lost != _lost(pair, source, packets, Kind.UNICAST)[1]:
        yield Step(host=host, place=f"broadcast of {sender.vm}", standing=Standing.IMPAIRED, seen=f"does not reach {receiver.vm}: {lost}")


def _unicast(pair: Pair, source: int, packets: Packets, place: str) -> Iterator[Step]:
    for end, count, means, _ in _points(pair, source, packets, Kind.UNICAST):
        host = pair.ends[end].host
        if isinstance(told := packets.seen[end], str):
            yield Step(host=host, place=place, standing=Standing.UNSEEN, seen=f"not looked for: {told}")
            return
        if not count:
            lost = _lost(pair, source, packets, Kind.UNICAST)[1]
            code = "path-closed" if "between the hosts" in lost else ""
            remedy = f"open UDP port {packets.udp_port} from {pair.ends[source].vtep} to {pair.ends[1 - source].vtep}" if code else ""
            yield Step(host=host, place=place, standing=Standing.BROKEN, seen=f"none of {COUNT} {means}: {lost}", code=code, remedy=remedy)
            return
        yield Step(host=host, place=place, standing=Standing.OK, seen=f"{count} of {COUNT} {means}")
    answers = packets.counted(1 - source, source, Kind.ANSWER, Point.TAP, outward=False)
    receiver = pair.ends[1 - source]
    told = f"{receiver.vm} answered {answers} of {COUNT}" if answers else f"{receiver.vm} itself answers no ping"
    yield Step(host=receiver.host, place=place, standing=Standing.OK if answers else Standing.UNSEEN, seen=told)


def _points(pair: Pair, source: int, packets: Packets, kind: Kind) -> Iterator[tuple[int, int, str, str]]:
    """Yield (end, packets seen, what that means, what it means that there are none) for each place on the way."""
    names = {"sender": pair.ends[source].host, "receiver": pair.ends[1 - source].host, "port": packets.udp_port}
    for far, point, outward, came, lost in _WAY:
        if (pair.together and point is not Point.TAP) or (packets.sent.entries[source] is Entry.BRIDGE and not far and point is Point.TAP):
            continue
        end = 1 - source if far else source
        yield end, packets.counted(end, source, kind, point, outward=outward), came, lost.format(**names)


def _lost(pair: Pair, source: int, packets: Packets, kind: Kind) -> tuple[str, str]:
    """Return on which host packets were first missed, and where they vanished; empty when they arrived, or it is not known."""
    for end, count, _, lost in _points(pair, source, packets, kind):
        if isinstance(packets.seen[end], str):
            break
        if not count:
            return pair.ends[end].host, lost
    return "", ""

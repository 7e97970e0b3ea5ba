"""Where packets vanished is told from where they were seen last."""

from __future__ import annotations

import pytest

from tests.unit.doctor.test_why import APART, TOGETHER, rows, sight
from vxloom.doctor.why.packets import Packets, followed
from vxloom.doctor.why.story import Reach, Standing
from vxloom.doctor.why.verdict import tell
from vxloom.model.packet import Entry, Kind, Point, Seen, Sent, Sighting
from vxloom.model.rows import FDB, empty

CHAIN = [
    (0, Point.TAP, False),
    (0, Point.VXLAN, True),
    (0, Point.UNDERLAY, True),
    (1, Point.UNDERLAY, False),
    (1, Point.VXLAN, False),
    (1, Point.TAP, True),
]
BOTH_SENT = Sent({0: Entry.CARD, 1: Entry.CARD})


def packets(unicast: int = 6, broadcast: int = 6, *, answers: bool = True, sent: Sent = BOTH_SENT) -> Packets:
    """Those of the first end get so many places far; those of the second arrive."""
    seen: tuple[list[Sighting], list[Sighting]] = ([], [])
    for source, reached in ((0, (unicast, broadcast)), (1, (6, 6))):
        for kind, far in zip((Kind.UNICAST, Kind.BROADCAST), reached, strict=True):
            for end, point, outward in CHAIN[:far]:
                seen[end ^ source].append(Sighting(source=source, kind=kind, point=point, outward=outward, count=3))
        if answers and reached[0] == 6:
            seen[1 - source].append(Sighting(source=source, kind=Kind.ANSWER, point=Point.TAP, outward=False, count=3))
    return Packets(sent=sent, seen=(Seen(tuple(seen[0])), Seen(tuple(seen[1]))))


LOST = [
    (0, "h1", "they never came out of the guest's own card", ""),
    (1, "h1", "the filter or the bridge of h1 dropped them", ""),
    (2, "h1", "the VXLAN device of h1 had no way for them, or h1's own firewall dropped them", ""),
    (3, "h2", "they were lost between the hosts: something on the way drops UDP port 4789", "path-closed"),
    (4, "h2", "h2 dropped them: its firewall, its allow list, or no VXLAN device of this VNI", ""),
    (5, "h2", "the bridge of h2 dropped them: the MAC has no row there, or the tap is off the bridge", ""),
]


@pytest.mark.parametrize(("far", "host", "text", "code"), LOST)
def test_a_packet_vanished_after_the_place_where_it_was_last_seen(far: int, host: str, text: str, code: str) -> None:
    steps = list(followed(APART, 0, packets(far, far)))
    assert [step.standing for step in steps] == [*[Standing.OK] * far, Standing.BROKEN]
    assert (steps[-1].host, steps[-1].code) == (host, code)
    assert steps[-1].seen.endswith(text)
    story = tell(APART, (sight(APART, 0), sight(APART, 1)), packets(far, far))
    assert (story.reach, story.ways[0].arrived, story.ways[1].arrived) == (Reach.NO, 0, 3)
    assert story.sentence.startswith(f"vm1 cannot reach vm2: on {host}, packets of vm1: none of 3")


def test_what_a_kernel_says_is_the_cause_of_what_packets_meet() -> None:
    broken = sight(APART, 0, rows("h1", fdb=empty(FDB)))
    story = tell(APART, (broken, sight(APART, 1)), packets(1, 6))
    assert story.sentence.startswith("vm1 cannot reach vm2: on h1, FDB of vxlan5001: lacks vm2's MAC")


def test_packets_that_arrive_prove_more_than_what_was_read() -> None:
    broken = sight(APART, 0, rows("h1", fdb=empty(FDB)))
    story = tell(APART, (broken, sight(APART, 1)), packets())
    assert story.reach is Reach.YES
    assert story.sentence.startswith("vm1 can reach vm2: packets came out at both taps, but on h1, FDB of vxlan5001: lacks")


def test_broadcast_is_told_of_by_itself() -> None:
    (step,) = [step for step in followed(APART, 0, packets(6, 2)) if step.standing is Standing.IMPAIRED]
    assert (step.host, step.place) == ("h1", "broadcast of vm1")
    assert step.seen.startswith("does not reach vm2: the VXLAN device of h1")
    assert not [step for step in followed(APART, 0, packets(2, 2)) if step.standing is Standing.IMPAIRED], "it is one fault"


def test_what_is_put_in_at_the_bridge_is_not_looked_for_at_the_tap() -> None:
    found = packets(sent=Sent({0: Entry.BRIDGE, 1: Entry.CARD}))
    steps = list(followed(APART, 0, found))
    assert steps[0].standing is Standing.UNSEEN
    assert "only the hypervisor can send by a tap that it holds" in steps[0].seen
    assert steps[1].seen == "3 of 3 left by the VXLAN device"


def test_two_taps_of_one_host_are_all_there_is() -> None:
    seen = packets().seen
    assert isinstance(seen[0], Seen)
    assert isinstance(seen[1], Seen)
    all_of_them = Seen((*seen[0].sightings, *seen[1].sightings))
    steps = list(followed(TOGETHER, 0, Packets(sent=BOTH_SENT, seen=(all_of_them, all_of_them))))
    assert [step.seen for step in steps] == ["3 of 3 came in by its tap", "3 of 3 went out to the guest", "vm3 answered 3 of 3"]


def test_a_host_that_could_not_look_leaves_it_open() -> None:
    found = Packets(sent=BOTH_SENT, seen=(packets().seen[0], "its agent is older"))
    steps = list(followed(APART, 0, found))
    assert [step.standing for step in steps] == [Standing.OK] * 3 + [Standing.UNSEEN]
    assert "its agent is older" in steps[-1].seen
    assert found.arrived(0) is None
    nothing = Packets(sent=Sent({}, {0: "its card is down"}), seen=packets().seen)
    (step,) = followed(APART, 0, nothing)
    assert step.seen == "none was sent: its card is down"
    assert nothing.arrived(0) is None

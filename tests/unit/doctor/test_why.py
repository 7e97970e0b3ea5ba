"""Each thing that can be wrong between two taps is named at its place, and reach is told as a walk through the same states tells it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from tests.intents import at, cloud, mac, network, nic, nic_id, tap
from vxloom.compiler.frames import packet
from vxloom.compiler.trace import desired_states, trace
from vxloom.doctor.check import faults
from vxloom.doctor.evidence import Process, Route, Wall
from vxloom.doctor.why.evidence import Device, Sight, cut
from vxloom.doctor.why.story import Reach, Standing, Story
from vxloom.doctor.why.verdict import tell
from vxloom.model.pair import End, Pair
from vxloom.model.state import HostState, Resource, SegmentRows
from vxloom.model.vteps import Vteps

INTENT = cloud((network(5001),), (nic(1, 5001, at(1)), nic(2, 5001, at(2)), nic(3, 5001, at(1))))
STATES = desired_states(INTENT)
NOTHING = SegmentRows()


def end(number: int, host: int) -> End:
    ips = (f"10.1.1.{number}", f"fd00:1::{number:x}")
    return End(vm=f"vm{number}", nic=nic_id(number, 5001), mac=mac(number), ips=ips, host=f"h{host}", vtep=f"192.0.2.{host}")


APART = Pair(vni=5001, ends=(end(1, 1), end(2, 2)), here=())
TOGETHER = Pair(vni=5001, ends=(end(1, 1), end(3, 1)), here=(0, 1))


def sight(pair: Pair, place: int, states: dict[str, HostState] = STATES, **fields: object) -> Sight:
    """What a host would tell whose kernel holds a state, as it comes over the wire."""
    one, other = pair.ends[place], pair.ends[1 - place]
    taps = {p: tap(int(each.vm[2:]), 5001) for p, each in enumerate(pair.ends) if each.host == one.host}
    known: dict[str, object] = {
        "host": one.host,
        "seen": cut(states.get(one.host, HostState()), pair, taps),
        "wanted": cut(STATES[one.host], pair, taps),
        "taps": taps,
        "devices": {name: Device(up=True, carrier=True, mtu=1450, bridge="brvx-5001") for name in taps.values()}
        | {"eth0": Device(up=True, carrier=True, mtu=1500)},
        "route": Route("eth0", one.vtep) if one.host != other.host else Route(),
    }
    made = Sight(**(known | fields))  # type: ignore[arg-type]
    return msgspec.json.decode(msgspec.json.encode(made), type=Sight)


def without(host: str, *kinds: str) -> dict[str, HostState]:
    left = {key: r for key, r in STATES[host].resources.items() if key[0] not in kinds}
    return {**STATES, host: replace(STATES[host], resources=left)}


def changed(host: str, key: tuple[str, str], **fields: object) -> dict[str, HostState]:
    resource: Resource = STATES[host].resources[key]
    return {**STATES, host: replace(STATES[host], resources={**STATES[host].resources, key: replace(resource, **fields)})}  # type: ignore[type-var]


def rows(host: str, **tables: object) -> dict[str, HostState]:
    return {**STATES, host: replace(STATES[host], rows={5001: replace(STATES[host].rows[5001], **tables)})}  # type: ignore[arg-type]


def told(states: dict[str, HostState] = STATES, pair: Pair = APART) -> Story:
    return tell(pair, (sight(pair, 0, states), sight(pair, 1, states)))


def marks(story: Story, standing: Standing = Standing.BROKEN) -> list[tuple[str, str, str]]:
    """Return (host, first word of the place, code) of each step of a standing."""
    return [(step.host, step.place.split()[0], step.code) for way in story.ways for step in way.steps if step.standing is standing]


def test_two_that_can_talk_are_told_so_step_by_step() -> None:
    story = told()
    assert (story.reach, story.sentence) == (Reach.YES, "vm1 can reach vm2, as far as both kernels tell")
    places = [(step.host, step.place.split()[0], step.standing) for step in story.ways[0].steps]
    here = ["tap", "filter", "bridge", "FDB", "neighbours", "flood", "VXLAN", "route", "firewall,"]
    there = ["firewall,", "VXLAN", "bridge", "tap"]
    assert places == [
        *(("h1", place, Standing.OK) for place in here),
        ("h1", "underlay", Standing.UNSEEN),
        *(("h2", place, Standing.OK) for place in there),
    ]
    assert [(way.source, way.target) for way in story.ways] == [("vm1", "vm2"), ("vm2", "vm1")]


def test_two_on_one_host_need_no_underlay() -> None:
    story = told(pair=TOGETHER)
    assert story.sentence == "vm1 can reach vm3"
    assert [step.place.split()[0] for step in story.ways[0].steps] == ["tap", "filter", "bridge", "tap"]


BREAKS = [
    (without("h1", "tap"), ("h1", "tap", "tap-detached")),
    (changed("h1", ("tap", tap(1, 5001)), macs=frozenset()), ("h1", "tap", "tap-changed")),
    (without("h1", "filter"), ("h1", "filter", "filters-changed")),
    (without("h1", "bridge"), ("h1", "bridge", "device-missing")),
    (changed("h1", ("bridge", "brvx-5001"), up=False), ("h1", "bridge", "device-changed")),
    (without("h1", "vxlan"), ("h1", "VXLAN", "device-missing")),
    (rows("h1", bridged=NOTHING.bridged), ("h1", "FDB", "fdb-missing")),
    (rows("h1", fdb=NOTHING.fdb), ("h1", "FDB", "fdb-missing")),
    (changed("h1", ("allow-list", "5001"), vteps=Vteps()), ("h1", "firewall,", "allow-list-changed")),
    (changed("h2", ("allow-list", "5001"), vteps=Vteps()), ("h2", "firewall,", "allow-list-changed")),
    (changed("h2", ("vxlan", "vxlan5001"), up=False), ("h2", "VXLAN", "device-changed")),
    (changed("h2", ("vxlan", "vxlan5001"), udp_port=8472), ("h2", "VXLAN", "wrong-port")),
    (changed("h2", ("bridge", "brvx-5001"), up=False), ("h2", "bridge", "device-changed")),
    (changed("h2", ("tap", tap(2, 5001)), macs=frozenset()), ("h2", "tap", "tap-changed")),
    (without("h2", "tap"), ("h2", "tap", "tap-detached")),
]


@pytest.mark.parametrize(("states", "mark"), BREAKS, ids=[" ".join(mark) for _, mark in BREAKS])
def test_what_is_broken_is_named_where_it_is_and_a_walk_agrees(states: dict[str, HostState], mark: tuple[str, str, str]) -> None:
    story = told(states)
    assert story.reach is Reach.NO
    assert mark in marks(story)
    assert mark[2] in faults()
    frame = packet(mac(1), mac(2), "10.1.1.1", "10.1.1.2")
    walked = trace(frame, "h1", tap(1, 5001), states)
    assert ("h2", tap(2, 5001)) not in walked.delivered
    assert story.ways[0].reach is Reach.NO
    assert story.sentence.startswith("vm1 cannot reach vm2: ")


def test_a_walk_agrees_where_nothing_is_broken() -> None:
    walked = trace(packet(mac(1), mac(2), "10.1.1.1", "10.1.1.2"), "h1", tap(1, 5001), STATES)
    assert ("h2", tap(2, 5001)) in walked.delivered


def test_a_mac_at_the_wrong_vtep_is_named() -> None:
    fdb = STATES["h1"].rows[5001].fdb.copy()
    fdb["lo"] += 7
    story = told(rows("h1", fdb=fdb))
    assert marks(story) == [("h1", "FDB", "fdb-wrong-vtep")]
    assert "has 02:00:00:00:00:02 at 192.0.2.9, but it is at 192.0.2.2" in story.sentence


def test_an_answer_that_does_not_come_back_is_told_apart() -> None:
    story = told(rows("h2", fdb=NOTHING.fdb))
    assert [way.reach for way in story.ways] == [Reach.YES, Reach.NO]
    assert story.sentence.startswith("vm1 gets no answer of vm2: on h2, FDB of vxlan5001: lacks vm1's MAC 02:00:00:00:00:01")


def test_broadcast_that_does_not_arrive_leaves_the_two_talking() -> None:
    story = told(rows("h1", flood=NOTHING.flood))
    assert story.reach is Reach.YES
    assert marks(story, Standing.IMPAIRED) == [("h1", "flood", "flood-missing")]
    told_of = "on h1, flood entries of vxlan5001: lack 192.0.2.2: broadcast"
    assert story.sentence.startswith(f"vm1 can reach vm2, as far as both kernels tell, but {told_of}")


def test_a_question_that_nobody_answers_and_nothing_carries_over_is_the_end() -> None:
    story = told(rows("h1", flood=NOTHING.flood, neighbours=NOTHING.neighbours))
    assert ("h1", "neighbours", "neighbour-missing") in marks(story)
    story = told(rows("h1", neighbours=NOTHING.neighbours))
    assert marks(story) == []
    assert ("h1", "neighbours", "neighbour-missing") in marks(story, Standing.IMPAIRED)


def test_a_neighbour_with_another_mac_misleads_the_guest() -> None:
    neighbours = STATES["h1"].rows[5001].neighbours.copy()
    neighbours["mac"] = 0x02_00_00_00_00_63
    assert ("h1", "neighbours", "neighbour-extra") in marks(told(rows("h1", neighbours=neighbours)))


def test_rules_that_are_gone_stop_nobody_and_are_told() -> None:
    story = told(without("h1", "filter-table", "filter", "allow-table", "allow-list"))
    assert story.reach is Reach.YES
    assert {mark[2] for mark in marks(story, Standing.IMPAIRED)} == {"filters-changed", "allow-list-changed"}


ELSEWHERE = [
    ({"route": Route()}, "route", "there is none"),
    ({"vtep_here": False}, "route", "does not have its tunnels' address"),
    ({"walls": (Wall("inet fw out", "udp dport 4789 drop", outward=True, stops=True),)}, "firewall,", "drops UDP port 4789"),
    ({"devices": {}}, "tap", "there is none"),
    ({"devices": {tap(1, 5001): Device(up=True, carrier=False, mtu=1450)}}, "tap", "nobody is at its other end"),
    ({"devices": {tap(1, 5001): Device(up=False, carrier=False, mtu=1450)}}, "tap", "the tap is down"),
]


@pytest.mark.parametrize(("fields", "place", "text"), ELSEWHERE, ids=[text for _, _, text in ELSEWHERE])
def test_what_is_not_of_ours_is_looked_at_too(fields: dict[str, object], place: str, text: str) -> None:
    story = tell(APART, (sight(APART, 0, **fields), sight(APART, 1)))
    (step,) = [step for step in story.ways[0].steps if step.standing is Standing.BROKEN]
    assert (step.host, step.place.split()[0]) == ("h1", place)
    assert text in step.seen
    assert step.remedy
    assert story.reach is Reach.NO


def test_a_rule_whose_effect_is_not_known_makes_it_unknown() -> None:
    wall = Wall("inet fw in", "ip saddr @friends accept", outward=False, stops=False)
    story = tell(APART, (sight(APART, 0), sight(APART, 1, walls=(wall,))))
    assert story.reach is Reach.UNKNOWN
    assert story.sentence.startswith("whether vm1 can reach vm2 cannot be told: on h2, firewall, inward: ")


def test_a_device_too_small_loses_large_frames_only() -> None:
    devices = {tap(1, 5001): Device(up=True, carrier=True, mtu=1450), "eth0": Device(up=True, carrier=True, mtu=1400)}
    story = tell(APART, (sight(APART, 0, devices=devices), sight(APART, 1)))
    assert story.reach is Reach.YES
    assert ("h1", "route", "underlay-mtu-low") in marks(story, Standing.IMPAIRED)


def test_a_host_that_tells_nothing_makes_it_unknown_unless_the_other_knows_better() -> None:
    story = tell(APART, ("its agent has no stream", sight(APART, 1)))
    assert story.reach is Reach.UNKNOWN
    assert "on h1, its kernel: what it holds is not known: its agent has no stream" in story.sentence
    assert "vxloom why --host vm1 10.1.1.2" in story.sentence
    story = tell(APART, ("its agent has no stream", sight(APART, 1, without("h2", "vxlan"))))
    assert story.reach is Reach.NO


REMEDIES = [
    ({"agent": Process.FROZEN}, "systemctl restart vxloom-agent"),
    ({"agent": Process.GONE}, "systemctl start vxloom-agent"),
    ({"obstacles": {"vxlan5001": "5001:4789 is held by old (VXLAN device)"}}, "5001:4789 is held by old (VXLAN device): take that away"),
    ({"wanted": cut(HostState(), APART, {})}, "was not told of it"),
    ({"wanted": cut(HostState(), APART, {}), "holding": "another epoch"}, "vxloom host confirm h1"),
    ({}, "within a second"),
]


@pytest.mark.parametrize(("fields", "remedy"), REMEDIES, ids=[remedy for _, remedy in REMEDIES])
def test_the_remedy_depends_on_why_the_agent_does_not_repair_it(fields: dict[str, object], remedy: str) -> None:
    broken = sight(APART, 0, without("h1", "vxlan"), **fields)
    story = tell(APART, (broken, sight(APART, 1)))
    (step,) = [step for step in story.ways[0].steps if step.place.startswith("VXLAN") and step.standing is Standing.BROKEN]
    assert remedy in step.remedy

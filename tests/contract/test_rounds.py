"""Law 4, honesty, and law 10 in the agent: what it acknowledges, what it tries again, and rounds that overtake one another."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.agents import Agent, BenchGuests, running
from tests.contract.bench import SimulatedBench
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.hypervisor.source import Plug
from vxloom.model.host import PortDocument
from vxloom.model.intent import GuestSource
from vxloom.model.state import VxlanDevice
from vxloom.planner.plan import ALL, Scope


@pytest.fixture
def simulated() -> SimulatedBench:
    """Only on the simulated kernel can a step be made to fail or to wait at will."""
    return SimulatedBench()


def settled(agent: Agent) -> None:
    agent.meet()
    agent.tell(document(port(1), revision=5), segment(5001, {1: 1, 3: 2}, 5))
    agent.await_ack(5)
    wait_until(lambda: quiet(agent), "its own echoes", seconds=5)


def quiet(agent: Agent) -> bool:
    writer = agent.core._writer
    return not writer._pending and writer.idle


def refusing(bench: SimulatedBench, name: str) -> threading.Event:
    """Make creating one link fail until the event is set."""
    allowed, make = threading.Event(), bench.kernel.make

    def refuse(resource):
        if allowed.is_set() or resource.key[1] != name:
            make(resource)

    bench.kernel.make = refuse
    return allowed


def test_what_is_not_in_the_kernel_is_not_acknowledged(tmp_path, simulated):
    with running(tmp_path, simulated) as agent:
        settled(agent)
        allowed = refusing(simulated, "vxlan6000")
        agent.tell(document(port(1), port(2, vni=6000), revision=6), segment(6000, {2: 1}, 6))
        wait_until(lambda: any("vxlan6000" in text for report in agent.reports() for text in report.findings), "the finding", seconds=5)
        agent.do(lambda: agent.core._look(Scope(frozenset({5001})), "event"))
        wait_until(lambda: quiet(agent), "a look elsewhere", seconds=5)
        assert max(ack.document for ack in agent.acks()) == 5
        assert not any(6000 in ack.segments for ack in agent.acks())
        allowed.set()
        assert agent.await_ack(6).segments[6000] == 6
        wait_until(lambda: agent.core._problems == {}, "the end of the finding", seconds=5)


def test_one_broken_segment_does_not_silence_the_others(tmp_path, simulated):
    refusing(simulated, "vxlan6000")
    with running(tmp_path, simulated) as agent:
        agent.meet()
        agent.tell(document(port(1), port(2, vni=6000), revision=6), segment(5001, {1: 1}, 6), segment(6000, {2: 1}, 6))
        wait_until(lambda: any(ack.segments == {5001: 6} for ack in agent.acks()), "the ack of the other segment", seconds=5)
        assert all(ack.document < 6 for ack in agent.acks())


def test_a_repair_that_fails_is_tried_again_under_a_storm_of_events(tmp_path, simulated):
    with running(tmp_path, simulated) as agent:
        settled(agent)
        allowed, storm = refusing(simulated, "vxlan5001"), threading.Event()

        def blow() -> None:
            if not storm.is_set():
                agent.core._look(Scope(frozenset({7000})), "event")
                agent._loop.call_soon(blow)

        agent.deaf()
        observe = agent.driver.observe
        agent.driver.observe = lambda scope=ALL: (storm.wait(0.005), observe(scope))[1]  # so that the next event is always there
        agent.do(blow)
        try:
            simulated.delete_link("vxlan5001")
            agent.do(lambda: agent.core._look(Scope(frozenset({5001})), "event"))
            wait_until(lambda: agent.core._problems != {}, "the failure", seconds=3)
            allowed.set()
            wait_until(lambda: ("vxlan", "vxlan5001") in simulated.driver.observe().resources, "the repair", seconds=5)
        finally:
            agent.do(storm.set)


def test_a_question_that_breaks_does_not_end_the_writer(tmp_path, simulated):
    with running(tmp_path, simulated) as agent:
        settled(agent)
        agent.core._writer.ask(lambda _reconciler, _target: {}["nothing here"])
        simulated.delete_link("vxlan5001")
        wait_until(lambda: ("vxlan", "vxlan5001") in simulated.driver.observe().resources, "the repair", seconds=5)


def test_a_guest_that_overtook_a_deletion_is_not_removed_by_its_end(tmp_path, simulated):
    """The round that deletes does not know of the guest; when it cleans up it must not take it for a leftover."""
    doomed = [port(number, vni=6000 + number) for number in range(1, 7)]
    gone, segments = tuple(one.nic for one in doomed), tuple(one.vni for one in doomed)
    with running(tmp_path, simulated) as agent:
        agent.meet()
        agent.tell(document(port(30), *doomed, revision=5), segment(5001, {30: 1}, 5), *(segment(one.vni, {1: 1}, 5) for one in doomed))
        agent.await_ack(5)
        reached, go, removed, remove = threading.Event(), threading.Event(), [], simulated.kernel.remove

        def slow_remove(resource) -> None:
            removed.append(resource)
            if len(removed) == 3:
                reached.set()
                assert go.wait(10)
            remove(resource)

        simulated.kernel.remove = slow_remove
        unplugged, delete = [], simulated.delete_link
        simulated.delete_link = lambda name: (unplugged.append(name), delete(name))
        agent.tell(document(port(30), revision=6, gone_ports=gone, gone_segments=segments))
        assert reached.wait(10)
        last = document(port(30), port(31), revision=7, gone_ports=gone, gone_segments=segments)
        agent.tell(last, segment(5001, {30: 1, 31: 1}, 7))
        go.set()
        agent.await_ack(7)
        assert port(31).tap in agent.taps()
        assert set(unplugged) == {one.tap for one in doomed}


class Unlucky(BenchGuests):
    """Fails a few times before it plugs in."""

    failures = 2

    def ensure(self, ports: Sequence[PortDocument], mtus: dict[int, int]) -> tuple[Plug, ...]:
        if Unlucky.failures:
            Unlucky.failures -= 1
            return tuple(Plug(port.nic, port.tap, "absent", "ip netns add: no luck") for port in ports)
        return super().ensure(ports, mtus)


def test_a_guest_that_could_not_be_made_is_tried_again_and_only_then_acknowledged(tmp_path, bench):
    with running(tmp_path, bench) as agent:
        agent.meet()
        unlucky = Unlucky(bench)
        Unlucky.failures = 2
        agent.core._writer._reconciler._sources = {GuestSource.NAMESPACE: unlucky}
        agent.tell(document(port(1), revision=5), segment(5001, {1: 1}, 5))
        agent.await_ack(5)
        assert agent.taps() == {port(1).tap}
        assert any("no luck" in text for report in agent.reports() for text in report.findings)


def test_what_an_obstacle_keeps_from_standing_is_not_acknowledged_until_it_is_gone(tmp_path, bench):
    bench.add_foreign(VxlanDevice("vxlan5001", 5001, "192.0.2.1", 4789, 1450, ""))
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(document(port(1), port(2, vni=6000), revision=5), segment(5001, {1: 1}, 5), segment(6000, {2: 1}, 5))
        wait_until(lambda: any(ack.segments == {6000: 5} for ack in agent.acks()), "the ack of the other segment", seconds=5)
        assert all(ack.document < 5 for ack in agent.acks())
        bench.delete_link("vxlan5001")
        assert agent.await_ack(5).segments[5001] == 5


def test_a_word_that_never_comes_to_stand_does_not_end_all_acknowledgements(tmp_path, simulated, monkeypatch):
    monkeypatch.setattr("vxloom.agent.writer.UNPROVEN_SECONDS", 0.5)
    refusing(simulated, "vxlan6000")
    with running(tmp_path, simulated) as agent:
        agent.meet()
        agent.tell(document(port(1), port(2, vni=6000), revision=6), segment(5001, {1: 1}, 6), segment(6000, {2: 1}, 6))
        agent.await_ack(6)
        assert not any(6000 in ack.segments for ack in agent.acks())


def test_a_port_on_a_bridge_that_is_another_networks_waits_and_is_not_acknowledged(tmp_path, bench):
    """A restored store has given the VNI to somebody else: two tenants on one bridge would be worse than a guest that waits."""
    with running(tmp_path, bench) as agent:
        settled(agent)
        agent.meet("other", lineage=False)
        agent.tell(document(revision=3, epoch="other"), epoch="other")
        table = segment(5001, {9: 1}, 4)
        agent.tell(
            document(port(9), revision=4, epoch="other"), replace(table, head=replace(table.head, network="strangers")), epoch="other"
        )
        wait_until(
            lambda: any("another network's" in text for report in agent.reports() for text in report.findings), "the finding", seconds=8
        )
        assert agent.taps() == {port(1).tap}
        assert not any(ack.document == 4 or 5001 in ack.segments for ack in agent.acks()[1:])
        agent.confirm("other", 4)
        wait_until(lambda: agent.taps() == {port(9).tap}, "the change of tenants", seconds=8)


def test_a_guest_is_not_asked_about_again_because_a_shared_address_moved(tmp_path, bench):
    """A flip must not wait for a guest, nor wake one whose card somebody put down."""
    with running(tmp_path, bench) as agent:
        asked: list[str] = []
        agent.meet()
        agent.tell(document(port(1, shared=("10.1.1.9",)), revision=5), segment(5001, {1: 1}, 5))
        agent.await_ack(5)
        guests = agent.core._writer._reconciler._sources[GuestSource.NAMESPACE]
        ensure = guests.ensure
        guests.ensure = lambda ports, mtus: (asked.extend(one.nic for one in ports), ensure(ports, mtus))[1]
        agent.tell(document(port(1, shared=("10.1.1.9",), held=("10.1.1.9",)), revision=6), segment(5001, {1: 1}, 6))
        agent.await_ack(6)
        known = isinstance(bench, SimulatedBench)  # its taps have no index, so it is always asked
        assert known or asked == []
        agent.tell(document(port(1, running=False), revision=7), segment(5001, {1: 1}, 7))
        agent.await_ack(7)
        assert port(1).nic in asked

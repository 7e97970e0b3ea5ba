"""Law 10: one writer, never long. A move overtakes a deletion; the stream's loop stays alive meanwhile."""

from __future__ import annotations

import threading

import pytest

from tests.agents import running
from tests.contract.bench import SimulatedBench
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.model.host import tap_name
from vxloom.model.intent import BindingState


@pytest.fixture
def simulated() -> SimulatedBench:
    """Only on the simulated kernel can a write be held up at will; benchmarks measure the real one's lock (`make bench ONLY=delete`)."""
    return SimulatedBench()


def test_all_writes_come_from_one_thread(tmp_path, simulated):
    with running(tmp_path, simulated) as agent:
        writers = set()
        simulated.kernel.listeners.append(lambda scope: writers.add(threading.current_thread().name))
        agent.meet()
        agent.tell(document(port(1), revision=5), segment(5001, {1: 1}, 5))
        agent.await_ack(5)
        simulated.delete_link("vxlan5001")
        wait_until(lambda: ("vxlan", "vxlan5001") in simulated.driver.observe().resources, "repair", seconds=5)
        assert writers - {threading.current_thread().name} == {"vxloom-writer"}


def test_a_move_overtakes_a_deletion(tmp_path, simulated):
    """While 20 segments are being deleted, a port of another segment becomes active: it is done before the deletion ends."""
    doomed = [port(number, vni=6000 + number) for number in range(1, 21)]
    with running(tmp_path, simulated) as agent:
        agent.meet()
        tables = [segment(one.vni, {1: 1}, 5) for one in doomed]
        agent.tell(document(port(30), *doomed, revision=5), segment(5001, {30: 2}, 5), *tables)
        agent.await_ack(5)
        reached, go = threading.Event(), threading.Event()
        order: list[str] = []
        remove = simulated.kernel.remove

        def slow_remove(resource) -> None:
            order.append(resource.key[0])
            if len(order) == 5:
                reached.set()
                assert go.wait(10)
            remove(resource)

        simulated.kernel.remove = slow_remove
        gone = tuple(one.nic for one in doomed)
        segments = tuple(one.vni for one in doomed)
        agent.tell(document(port(30), revision=6, gone_ports=gone, gone_segments=segments))
        agent.confirm("e1", 7)  # the share of ports exceeds the brake's: a person agrees
        assert reached.wait(10)
        agent.tell(document(port(30), port(31), revision=7, gone_ports=gone, gone_segments=segments), segment(5001, {30: 1, 31: 1}, 7))
        simulated.kernel.listeners.append(lambda scope: order.append("moved") if 5001 in (scope.vnis or ()) else None)
        go.set()
        wait_until(lambda: tap_name(port(31).nic) in agent.taps(), "the move", seconds=10)
        wait_until(lambda: len([kind for kind in order if kind == "vxlan"]) == 20, "the deletion", seconds=10)
        assert "moved" in order
        assert order.index("moved") < len(order) - order[::-1].index("vxlan") - 1, "before the last deletion"


def test_the_loop_answers_while_the_writer_is_busy(tmp_path, simulated):
    with running(tmp_path, simulated) as agent:
        go = threading.Event()
        make = simulated.kernel.make
        simulated.kernel.make = lambda resource: (go.wait(10), make(resource))[1]
        agent.meet()
        agent.tell(document(port(1), revision=5), segment(5001, {1: 1}, 5))
        before = len(agent.reports())
        agent.do(agent.core._report)
        assert len(agent.reports()) > before
        assert agent.acks() == []
        go.set()
        agent.await_ack(5)


def test_an_incoming_port_is_prepared_before_it_is_active(tmp_path, simulated):
    with running(tmp_path, simulated) as agent:
        agent.meet()
        agent.tell(document(port(1, state=BindingState.INCOMING), revision=5), segment(5001, {1: 2}, 5))
        agent.await_ack(5)
        state = simulated.driver.observe()
        assert ("filter", tap_name(port(1).nic)) in state.resources
        assert [int(mac) & 0xFF for mac in state.rows[5001].fdb["mac"]] == [1], "until the flip the guest is remote"

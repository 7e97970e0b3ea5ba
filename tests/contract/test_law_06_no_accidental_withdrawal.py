"""Law 6: nothing is withdrawn by accident."""

from __future__ import annotations

import pytest

from tests.agents import running
from tests.unit.agent.words import NICS, document, port, segment
from tests.waiting import wait_until
from vxloom.compiler import compile_host
from vxloom.model.host import tap_name

TAPS = {tap_name(NICS[1]), tap_name(NICS[2])}


@pytest.fixture
def agent(tmp_path, bench):
    with running(tmp_path / "state", bench) as one:
        one.meet()
        one.tell(document(port(1), port(2), revision=5), segment(5001, {1: 1, 2: 1, 3: 2}, 5))
        one.await_ack(5)
        yield one


def test_what_is_told_stands_and_is_acknowledged_with_its_segments(agent):
    doc = document(port(1), port(2), revision=5)
    assert agent.bench.driver.observe().resources == compile_host(doc, {5001: segment(5001, {1: 1, 2: 1, 3: 2}, 5)}).resources
    assert agent.acks()[0].segments == {5001: 5}


def test_a_tombstone_withdraws_and_its_absence_is_acknowledged(agent):
    agent.tell(document(port(1), revision=6, gone_ports=(NICS[2],)), segment(5001, {1: 1, 3: 2}, 6))
    assert agent.await_ack(6).absent_ports == (NICS[2],)
    assert agent.taps() == {tap_name(NICS[1])}


def test_the_last_port_of_a_segment_takes_everything_with_it(agent):
    agent.tell(document(revision=6, gone_ports=(NICS[1], NICS[2]), gone_segments=(5001,)))
    ack = agent.await_ack(6)
    assert ack.absent == (5001,)
    assert set(ack.absent_ports) == {NICS[1], NICS[2]}
    state = agent.bench.driver.observe()
    assert not state.resources
    assert not state.rows


def test_a_port_that_vanishes_without_tombstone_stays_and_is_alerted(agent):
    agent.tell(document(port(1), revision=6), segment(5001, {1: 1, 3: 2}, 6))
    wait_until(lambda: any("tombstone" in report.holding for report in agent.reports()[-3:]) or _poke(agent), "the alert", seconds=15)
    assert agent.taps() == TAPS


def test_an_empty_database_withdraws_nothing_until_a_person_confirms(agent):
    agent.meet("other", lineage=True)
    agent.tell(document(revision=1, epoch="other"), epoch="other")
    wait_until(lambda: "another one" in agent.reports()[-1].holding, "the alert", seconds=10)
    assert agent.taps() == TAPS
    agent.confirm("other", 1)
    wait_until(lambda: not agent.bench.driver.observe().resources, "pruning after the confirmation", seconds=10)


def test_a_holding_agent_still_repairs_and_still_adds(agent):
    agent.meet("other", lineage=False)
    agent.tell(document(port(1), revision=1, epoch="other"), segment(5001, {1: 1}, 1), epoch="other")
    agent.tell(document(port(1), port(4), revision=2, epoch="other"), segment(5001, {1: 1, 4: 1}, 2), epoch="other")
    wait_until(lambda: agent.taps() == TAPS | {tap_name(NICS[4])}, "the new port", seconds=10)
    agent.bench.delete_link("vxlan5001")
    wait_until(lambda: ("vxlan", "vxlan5001") in agent.bench.driver.observe().resources, "the repair", seconds=10)


def test_a_restart_while_holding_still_holds(agent, tmp_path):
    agent.meet("other", lineage=False)
    agent.tell(document(port(1), revision=1, epoch="other"), segment(5001, {1: 1}, 1), epoch="other")
    agent.tell(document(port(1), port(4), revision=2, epoch="other"), segment(5001, {1: 1, 4: 1}, 2), epoch="other")
    wait_until(lambda: tap_name(NICS[4]) in agent.taps(), "the new port", seconds=10)
    with running(tmp_path / "state", agent.bench) as again:
        again.meet("other", lineage=False)
        again.tell(document(port(1), revision=3, epoch="other"), segment(5001, {1: 1}, 3), epoch="other")
        again.await_ack(3)
        assert again.taps() >= TAPS


@pytest.mark.parametrize("damage", ["missing", "torn"])
def test_without_its_state_file_an_agent_adds_but_does_not_prune(agent, tmp_path, damage):
    path = tmp_path / "state" / "held.bin"
    elsewhere = tmp_path / "other-state"
    if damage == "torn":
        elsewhere.mkdir()
        (elsewhere / "held.bin").write_bytes(path.read_bytes()[:-3])
    with running(elsewhere, agent.bench) as again:
        again.meet()
        again.tell(document(port(1), revision=6), segment(5001, {1: 1, 3: 2}, 6))
        again.await_ack(6)
        assert again.taps() == TAPS, "port 2 is not in the document, and has no tombstone this agent ever saw"
        wait_until(lambda: again.reports()[-1].holding != "" or _poke(again), "the alert", seconds=15)
        again.confirm("e1", 6)
        wait_until(lambda: again.taps() == {tap_name(NICS[1])}, "pruning after the confirmation", seconds=10)


def test_a_missing_state_file_does_not_matter_when_the_word_covers_the_kernel(agent, tmp_path):
    with running(tmp_path / "other-state", agent.bench) as again:
        again.meet()
        again.tell(document(port(1), port(2), revision=6), segment(5001, {1: 1, 2: 1, 3: 2}, 6))
        again.await_ack(6)
        wait_until(lambda: not again.core._held.doubt, "the look at everything that ends the doubt", seconds=10)
        again.tell(document(port(1), revision=7, gone_ports=(NICS[2],)), segment(5001, {1: 1, 3: 2}, 7))
        wait_until(lambda: again.taps() == {tap_name(NICS[1])}, "ordinary pruning", seconds=10)


def test_a_plan_that_removes_many_ports_waits_for_a_person(tmp_path, bench):
    ports = [port(number) for number in range(1, 31)]
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(document(*ports, revision=5), segment(5001, dict.fromkeys(range(1, 31), 1), 5))
        agent.await_ack(5)
        gone = tuple(one.nic for one in ports[:15])
        agent.tell(document(*ports[15:], revision=6, gone_ports=gone), segment(5001, dict.fromkeys(range(16, 31), 1), 6))
        wait_until(lambda: any("confirm" in text for report in agent.reports() for text in report.findings), "the alert", seconds=10)
        assert len(agent.taps()) == 30
        agent.confirm("e1", 6)
        wait_until(lambda: len(agent.taps()) == 15, "the withdrawal after the confirmation", seconds=10)


def test_a_few_ports_of_many_are_withdrawn_at_once(tmp_path, bench):
    ports = [port(number) for number in range(1, 31)]
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(document(*ports, revision=5), segment(5001, dict.fromkeys(range(1, 31), 1), 5))
        agent.await_ack(5)
        gone = tuple(one.nic for one in ports[:3])
        agent.tell(document(*ports[3:], revision=6, gone_ports=gone), segment(5001, dict.fromkeys(range(4, 31), 1), 6))
        wait_until(lambda: len(agent.taps()) == 27, "the withdrawal", seconds=10)


def _poke(agent) -> bool:
    agent.do(agent.core._report)
    return False

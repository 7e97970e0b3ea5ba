"""Law 6, the brake: what it holds back stays held back whatever else happens, and a person lets pass what he has seen, no more."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.agents import Agent, running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.planner.plan import Scope

MANY = [port(number) for number in range(1, 31)]
APART = port(31, vni=6000)
GONE = tuple(one.nic for one in MANY[:15])


def quiet(agent: Agent) -> bool:
    writer = agent.core._writer
    return not writer._pending and writer.idle


def alerted(agent: Agent) -> bool:
    return any("confirm" in text for report in agent.reports() for text in report.findings)


@pytest.fixture
def braked(tmp_path, bench):
    """30 ports in one segment and one in another; the server withdraws 15 of them at once."""
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(document(*MANY, APART, revision=5), segment(5001, dict.fromkeys(range(1, 31), 1), 5), segment(6000, {31: 1}, 5))
        agent.await_ack(5)
        agent.tell(document(*MANY[15:], APART, revision=6, gone_ports=GONE), segment(5001, dict.fromkeys(range(16, 31), 1), 6))
        wait_until(lambda: alerted(agent), "the alert", seconds=10)
        yield agent


def test_a_look_elsewhere_does_not_let_it_pass(braked):
    braked.do(lambda: braked.core._look(Scope(frozenset({6000}), frozenset({APART.tap})), "event"))
    wait_until(lambda: quiet(braked), "the look", seconds=5)
    assert len(braked.taps()) == 31
    assert not any(set(GONE) & set(ack.absent_ports) for ack in braked.acks())


def test_a_change_elsewhere_does_not_let_it_pass(braked):
    braked.tell(document(*MANY[15:], APART, port(32, vni=6000), revision=7, gone_ports=GONE), segment(6000, {31: 1, 32: 1}, 7))
    wait_until(lambda: port(32).tap in braked.taps(), "the new port", seconds=10)
    wait_until(lambda: quiet(braked), "the end of the round", seconds=5)
    assert len(braked.taps()) == 32
    assert not any(set(GONE) & set(ack.absent_ports) for ack in braked.acks())


def test_a_confirmation_does_not_cover_what_comes_after_it(braked):
    braked.confirm("e1", 6)
    wait_until(lambda: len(braked.taps()) == 16, "the withdrawal that was confirmed", seconds=10)
    braked.said.clear()
    rest = tuple(one.nic for one in MANY[15:28])
    braked.tell(document(*MANY[28:], APART, revision=7, gone_ports=GONE + rest), segment(5001, {29: 1, 30: 1}, 7))
    wait_until(lambda: alerted(braked) or len(braked.taps()) != 16, "the alert", seconds=10)
    wait_until(lambda: quiet(braked), "the end of the round", seconds=5)
    assert len(braked.taps()) == 16


def test_the_share_is_of_the_hosts_ports_not_of_a_segments(tmp_path, bench):
    """12 of 72 ports are less than 20 %, although they are all of their segment's."""
    small = [port(number, vni=6000) for number in range(1, 13)]
    large = [replace(port(1), nic=f"0000{number:04d}-0000-4000-8000-00000000000a", tap=f"big{number}") for number in range(1, 61)]
    gone = tuple(one.nic for one in small)
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(document(*small, *large, revision=5), segment(5001, {1: 1}, 5), segment(6000, {1: 1}, 5))
        agent.await_ack(5)
        agent.tell(document(*large, revision=6, gone_ports=gone, gone_segments=(6000,)))
        wait_until(lambda: len(agent.taps()) == 60 or alerted(agent), "the withdrawal", seconds=10)
        assert len(agent.taps()) == 60

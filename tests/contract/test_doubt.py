"""Law 6, doubt: an agent that lost its state does not prune, and starting it again does not make it sure."""

from __future__ import annotations

import pytest

from tests.agents import Agent, running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.planner.plan import ALL

TAPS = {port(1).tap, port(2).tap}


def looked(agent: Agent) -> None:
    """Have it compare everything, and wait until it has."""
    agent.do(lambda: agent.core._look(ALL, "timer"))
    wait_until(lambda: not agent.core._writer._pending and agent.core._writer.idle, "the look", seconds=5)


@pytest.fixture
def orphaned(tmp_path, bench):
    """A bench with two bound ports, whose agent's state directory is gone."""
    with running(tmp_path / "lost", bench) as agent:
        agent.meet()
        agent.tell(document(port(1), port(2), revision=5), segment(5001, {1: 1, 2: 1, 3: 2}, 5))
        agent.await_ack(5)
    return bench


def test_started_twice_before_any_server_answers_it_withdraws_nothing(tmp_path, orphaned):
    for _ in range(2):
        with running(tmp_path / "new", orphaned) as agent:
            looked(agent)
            assert agent.taps() == TAPS


def test_started_again_after_the_servers_word_it_withdraws_nothing(tmp_path, orphaned):
    with running(tmp_path / "new", orphaned) as agent:
        agent.meet()
        agent.tell(document(port(1), revision=6), segment(5001, {1: 1, 3: 2}, 6))
        agent.await_ack(6)
    with running(tmp_path / "new", orphaned) as agent:
        looked(agent)
        assert agent.taps() == TAPS
        agent.meet()
        agent.tell(document(port(1), revision=6), segment(5001, {1: 1, 3: 2}, 6))
        agent.await_ack(6)
        looked(agent)
        assert agent.taps() == TAPS
        agent.confirm("e1", 6)
        wait_until(lambda: agent.taps() == {port(1).tap}, "pruning after the confirmation", seconds=10)
    with running(tmp_path / "new", orphaned) as agent:
        looked(agent)
        assert agent.core._held.doubt == "", "a person has settled it"

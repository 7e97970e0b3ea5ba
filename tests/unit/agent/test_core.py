"""The agent's loop goes on whatever its ears meet."""

from __future__ import annotations

import pytest

from tests.agents import Agent, running
from tests.contract.bench import SimulatedBench
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.errors import DataplaneError


@pytest.fixture
def agent(tmp_path) -> Agent:
    with running(tmp_path, SimulatedBench()) as one:
        one.meet()
        one.tell(document(port(1), revision=5), segment(5001, {1: 1}, 5))
        one.await_ack(5)
        yield one


def broken(*_arguments, **_named):
    raise DataplaneError("events", "receive from", 5)


def stands(agent: Agent) -> bool:
    return ("vxlan", "vxlan5001") in agent.bench.driver.observe().resources


def test_events_that_cannot_be_read_mean_a_look_at_everything(agent, monkeypatch):
    monkeypatch.setattr(agent.events, "read", broken)
    agent.bench.delete_link("vxlan5001")
    wait_until(lambda: stands(agent), "the repair", seconds=3)


def test_events_that_can_be_read_again_are(agent, monkeypatch):
    monkeypatch.setattr(agent.events, "read", broken)
    agent.bench.delete_link("vxlan5001")
    wait_until(lambda: stands(agent), "the repair", seconds=3)
    monkeypatch.undo()
    agent.bench.delete_link("vxlan5001")
    wait_until(lambda: stands(agent), "the second repair", seconds=4)


def test_a_watch_that_fails_does_not_keep_rounds_from_being_acknowledged(agent, monkeypatch):
    monkeypatch.setattr(agent.core._watch, "watch", broken)
    agent.tell(document(port(1), port(2), revision=6), segment(5001, {1: 1, 2: 1}, 6))
    agent.await_ack(6)
    wait_until(lambda: any("events" in text for report in agent.reports() for text in report.findings), "the finding", seconds=8)


def test_announcements_that_cannot_be_read_do_not_end_the_loop(agent, monkeypatch):
    monkeypatch.setattr(agent.core._watch, "read", broken)
    agent.do(lambda: agent.core._hear(agent.core._watch.fileno(), agent.core._announced))
    agent.tell(document(port(1), port(2), revision=6), segment(5001, {1: 1, 2: 1}, 6))
    agent.await_ack(6)

"""What a person reads before confirming: `vxloom plan HOST` tells what the server's word would do, though the host holds."""

from __future__ import annotations

import msgspec

from tests.agents import Agent, running
from tests.unit.agent.words import NICS, document, port, segment
from tests.waiting import wait_until
from vxloom.model.host import tap_name
from vxloom.model.wire import Answer, Ask


def _plan(agent: Agent) -> str:
    number = len(agent.said)
    agent.do(lambda: agent.core.received(Ask(number, "plan")))

    def answers() -> list[Answer]:
        return [message for message in agent.said if isinstance(message, Answer) and message.id == number]

    wait_until(lambda: bool(answers()), "the plan", seconds=10)
    return msgspec.json.decode(answers()[0].body)["plan"]


def test_the_plan_of_a_holding_host_lists_what_a_confirmation_would_remove(tmp_path, bench):
    with running(tmp_path / "state", bench) as agent:
        agent.meet()
        agent.tell(document(port(1), port(2), revision=5), segment(5001, {1: 1, 2: 1, 3: 2}, 5))
        agent.await_ack(5)
        assert "nothing to do" in _plan(agent)
        agent.meet("other", lineage=False)
        assert "nothing to do" in _plan(agent)  # the other server has not said anything yet
        agent.tell(document(port(1), revision=1, epoch="other"), segment(5001, {1: 1}, 1), epoch="other")
        plan = _plan(agent)
        assert f"- tap {tap_name(NICS[2])}" in plan
        assert "stale MAC" in plan
        assert agent.taps() == {tap_name(NICS[1]), tap_name(NICS[2])}

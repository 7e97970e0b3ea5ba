"""Law 2: the kernel is the other half of the truth. Restart, crash and a person typing `ip link del` are one case."""

from __future__ import annotations

import pytest

from tests.agents import running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until

WORD = (document(port(1), port(2), revision=5), segment(5001, {1: 1, 2: 1, 3: 2, 4: 3}, 5))


@pytest.fixture
def agent(tmp_path):
    with running(tmp_path / "state") as one:
        one.meet()
        one.tell(*WORD)
        one.await_ack(5)
        yield one


def everything(agent):
    state = agent.driver.observe()
    return state.resources, dict(state.rows)


DAMAGE = {
    "vxlan device deleted": lambda kernel: kernel.delete_link("vxlan5001"),
    "bridge deleted": lambda kernel: kernel.delete_link("brvx-5001"),
    "filters flushed": lambda kernel: kernel.flush_filters(),
    "learning switched on": lambda kernel: kernel.change("vxlan5001", port_learning=True),
    "tap detached": lambda kernel: kernel.detach("vt000000010000"),
    "tap unlocked": lambda kernel: kernel.change("vt000000010000", locked=False),
    "bridge MAC changed": lambda kernel: kernel.change("brvx-5001", mac="02:ff:ff:ff:ff:ff"),
    "bridge down": lambda kernel: kernel.change("brvx-5001", up=False),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_persons_deed_is_repaired_while_the_agent_runs(agent, damage):
    before = everything(agent)
    DAMAGE[damage](agent.kernel)
    wait_until(lambda: everything(agent) == before, f"repair of: {damage}", seconds=10)


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_happened_while_the_agent_was_dead_is_the_same_case(tmp_path, damage):
    with running(tmp_path / "state") as first:
        first.meet()
        first.tell(*WORD)
        first.await_ack(5)
        before = everything(first)
    DAMAGE[damage](first.kernel)
    with running(tmp_path / "state", first.kernel) as second:
        second.linked = False
        wait_until(lambda: everything(second) == before, f"repair of: {damage}", seconds=10)


def test_a_restart_alone_changes_nothing(tmp_path):
    with running(tmp_path / "state") as first:
        first.meet()
        first.tell(*WORD)
        first.await_ack(5)
    heard = []
    first.kernel.listeners.append(heard.append)
    with running(tmp_path / "state", first.kernel) as second:
        second.meet()
        second.tell(*WORD)
        second.await_ack(5)
    assert heard == [], "a second start writes nothing"

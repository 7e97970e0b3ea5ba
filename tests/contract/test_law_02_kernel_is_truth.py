"""Law 2: the kernel is the other half of the truth. Restart, crash and a person typing `ip link del` are one case."""

from __future__ import annotations

import pytest

from tests.agents import running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.compiler import compile_host

WORD = (document(port(1), port(2), revision=5), segment(5001, {1: 1, 2: 1, 3: 2, 4: 3}, 5))


@pytest.fixture
def agent(tmp_path, bench):
    with running(tmp_path / "state", bench) as one:
        one.meet()
        one.tell(*WORD)
        one.await_ack(5)
        yield one


def everything(agent):
    state = agent.bench.driver.observe()
    return state.resources, dict(state.rows)


DAMAGE = {
    "vxlan device deleted": lambda bench: bench.delete_link("vxlan5001"),
    "bridge deleted": lambda bench: bench.delete_link("brvx-5001"),
    "filters flushed": lambda bench: bench.flush_filters(),
    "learning switched on": lambda bench: bench.unlock("vxlan5001"),
    "tap detached": lambda bench: bench.detach("vt000000010000"),
    "tap unlocked": lambda bench: bench.unlock("vt000000010000"),
    "bridge MAC changed": lambda bench: bench.set_mac("brvx-5001", "02:ff:ff:ff:ff:fe"),
    "rows deleted": lambda bench: bench.forget(5001, compile_host(WORD[0], {5001: WORD[1]}).rows[5001]),
    "bridge down": lambda bench: bench.set_down("brvx-5001"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_persons_deed_is_repaired_while_the_agent_runs(agent, damage):
    before = everything(agent)
    DAMAGE[damage](agent.bench)
    wait_until(lambda: everything(agent) == before, f"repair of: {damage}", seconds=10)


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_happened_while_the_agent_was_dead_is_the_same_case(tmp_path, bench, damage):
    with running(tmp_path / "state", bench) as first:
        first.meet()
        first.tell(*WORD)
        first.await_ack(5)
        before = everything(first)
    DAMAGE[damage](bench)
    with running(tmp_path / "state", bench) as second:
        second.linked = False
        wait_until(lambda: everything(second) == before, f"repair of: {damage}", seconds=10)


def test_a_restart_alone_changes_nothing(tmp_path, bench):
    with running(tmp_path / "state", bench) as first:
        first.meet()
        first.tell(*WORD)
        first.await_ack(5)
    heard = bench.driver.events()
    heard.read()
    with running(tmp_path / "state", bench) as second:
        second.meet()
        second.tell(*WORD)
        second.await_ack(5)
    assert heard.read() == (), "a second start writes nothing"
    heard.close()

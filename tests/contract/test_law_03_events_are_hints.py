"""Law 3: events are hints. What they say is compared with the kernel; when they are lost, everything is looked at; a timer looks anyway."""

from __future__ import annotations

from tests.agents import running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.dataplane.driver import Hint
from vxloom.planner.plan import Scope

WORD = (document(port(1), revision=5), segment(5001, {1: 1, 3: 2}, 5))


def stands(agent) -> bool:
    return ("vxlan", "vxlan5001") in agent.bench.driver.observe().resources


def quiet(agent) -> bool:
    writer = agent.core._writer
    return not writer._pending and writer.idle


def settled(agent) -> None:
    agent.meet()
    agent.tell(*WORD)
    agent.await_ack(5)
    assert stands(agent)


def test_our_own_writes_come_back_as_events_and_change_nothing(tmp_path, bench):
    with running(tmp_path, bench) as agent:
        settled(agent)
        wait_until(lambda: quiet(agent), "its own echoes", seconds=5)
        heard = bench.driver.events()
        heard.read()
        agent.do(lambda: agent.core._look(Scope(frozenset({5001})), "event"))
        wait_until(lambda: quiet(agent), "the look", seconds=5)
        assert heard.read() == ()
        heard.close()


def test_a_lying_event_changes_nothing(tmp_path, bench):
    with running(tmp_path, bench) as agent:
        settled(agent)
        before = bench.driver.observe().resources
        agent.do(lambda: agent.core._look(Scope(frozenset({5001, 7777}), frozenset({"nonsense"})), "event"))
        bench.unlock("vxlan5001")
        wait_until(lambda: bench.driver.observe().resources == before, "the repair that proves the look was made", seconds=5)


def test_lost_events_mean_a_look_at_everything(tmp_path, bench):
    with running(tmp_path, bench) as agent:
        settled(agent)
        agent.deaf()
        bench.delete_link("vxlan5001")
        agent.do(lambda: agent.core._heard((Hint(Scope(frozenset()), lost=True),)))
        wait_until(lambda: stands(agent), "the repair", seconds=5)


def test_a_timer_looks_although_nothing_was_heard(tmp_path, bench):
    with running(tmp_path, bench, resync_seconds=0.1) as agent:
        settled(agent)
        agent.deaf()
        bench.delete_link("vxlan5001")
        wait_until(lambda: stands(agent), "the repair", seconds=5)


def test_a_hint_is_only_a_place_to_look():
    assert set(Hint.__dataclass_fields__) == {"scope", "lost"}, "a hint carries no state that could be believed"

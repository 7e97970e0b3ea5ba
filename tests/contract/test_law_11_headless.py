"""Law 11: headless is normal. Without a server an agent keeps the last good state, repairs drift, and restores at boot."""

from __future__ import annotations

from tests.agents import running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.compiler import compile_host

WORD = (document(port(1), port(2), revision=5), segment(5001, {1: 1, 2: 1, 3: 2}, 5))


def test_it_keeps_and_repairs_without_a_server(tmp_path, bench):
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(*WORD)
        agent.await_ack(5)
        agent.linked = False
        agent.do(lambda: agent.core.disconnected("the server is gone"))
        agent.bench.delete_link("brvx-5001")
        wanted = compile_host(WORD[0], {5001: WORD[1]}).resources
        wait_until(lambda: agent.bench.driver.observe().resources == wanted, "the repair", seconds=5)


def test_after_a_boot_everything_is_made_again_before_any_server_is_met(tmp_path, make_bench):
    with running(tmp_path, make_bench()) as agent:
        agent.meet()
        agent.tell(*WORD)
        agent.await_ack(5)
    with running(tmp_path, make_bench()) as booted:
        wanted = compile_host(WORD[0], {5001: WORD[1]})
        wait_until(lambda: booted.bench.driver.observe().resources == wanted.resources, "the restoration", seconds=5)
        assert booted.bench.driver.observe().rows == wanted.rows


def test_what_was_acknowledged_is_on_disk(tmp_path, make_bench):
    """Crash right after the acknowledgement: nothing acknowledged is forgotten."""
    with running(tmp_path, make_bench()) as agent:
        agent.meet()
        agent.tell(*WORD)
        agent.await_ack(5)
        with running(tmp_path, make_bench()) as second:  # the first was never stopped: as after SIGKILL
            wanted = compile_host(WORD[0], {5001: WORD[1]}).resources
            wait_until(lambda: second.bench.driver.observe().resources == wanted, "the restoration", seconds=5)
            assert (second.core.hello().revision, second.core.hello().segments[5001][0]) == (5, 5)


def test_a_withdrawn_port_does_not_come_back_headless(tmp_path, make_bench):
    with running(tmp_path, make_bench()) as agent:
        agent.meet()
        agent.tell(*WORD)
        agent.await_ack(5)
        agent.tell(document(port(1), revision=6, gone_ports=(port(2).nic,)), segment(5001, {1: 1, 3: 2}, 6))
        agent.await_ack(6)
    with running(tmp_path, make_bench()) as booted:
        wait_until(lambda: booted.taps() == {port(1).tap}, "the restoration", seconds=5)

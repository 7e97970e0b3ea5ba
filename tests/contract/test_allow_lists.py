"""Who is let in follows what the server says, within a second; while a host holds, nobody is shut out."""

from __future__ import annotations

import pytest

from tests.agents import Agent, running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.model.state import AllowList

SECONDS = 1.0
HERE = {1: 1}


def let_in(agent: Agent, vni: int = 5001) -> list[str] | None:
    """The VTEPs of a segment's list on the host; None where there is no list in force."""
    found = agent.bench.driver.observe().resources.get(("allow-list", str(vni)))
    return found.vteps.addresses() if isinstance(found, AllowList) and found.vteps is not None and found.enforced else None


@pytest.fixture
def agent(tmp_path, bench):
    with running(tmp_path / "state", bench) as one:
        one.meet()
        one.tell(document(port(1), revision=5), segment(5001, {**HERE, 2: 2}, 5))
        one.await_ack(5)
        assert let_in(one) == ["192.0.2.2"]
        yield one


def test_a_host_that_joins_is_let_in_and_one_that_is_removed_is_shut_out(agent):
    agent.tell(document(port(1), revision=6), segment(5001, {**HERE, 2: 2, 3: 3}, 6))
    wait_until(lambda: let_in(agent) == ["192.0.2.2", "192.0.2.3"], "host 3 is let in", seconds=SECONDS)
    agent.tell(document(port(1), revision=7), segment(5001, {**HERE, 3: 3}, 7))
    wait_until(lambda: let_in(agent) == ["192.0.2.3"], "host 2 is shut out", seconds=SECONDS)


def test_a_segments_list_is_its_own(agent):
    """Host 9 takes part in another segment of this host."""
    agent.tell(document(port(1), port(4, 5002), revision=6), segment(5001, {**HERE, 2: 2}, 6), segment(5002, {4: 1, 9: 9}, 6))
    agent.await_ack(6)
    assert (let_in(agent), let_in(agent, 5002)) == (["192.0.2.2"], ["192.0.2.9"])


def test_the_server_hears_that_a_segment_is_gone_when_its_list_is(agent):
    agent.tell(document(revision=6, gone_ports=(port(1).nic,), gone_segments=(5001,)))
    wait_until(lambda: any(5001 in ack.absent for ack in agent.acks()), "the segment's absence is acknowledged", seconds=5)
    assert not [key for key in agent.bench.driver.observe().resources if key[0].startswith("allow")]


def test_while_a_host_holds_nobody_is_shut_out_but_who_is_new_is_let_in(agent):
    agent.meet("e2", lineage=False)
    agent.tell(document(port(1), revision=3, epoch="e2"), segment(5001, HERE, 3), epoch="e2")
    agent.tell(document(port(1), revision=4, epoch="e2"), segment(5001, {**HERE, 3: 3}, 4), epoch="e2")
    wait_until(lambda: let_in(agent) == ["192.0.2.2", "192.0.2.3"], "host 3 is let in, host 2 still", seconds=5)
    agent.confirm("e2", 4)
    wait_until(lambda: let_in(agent) == ["192.0.2.3"], "a person confirmed: host 2 is shut out", seconds=5)


def test_a_flushed_table_is_back(agent):
    agent.bench.flush_filters()
    wait_until(lambda: let_in(agent) == ["192.0.2.2"], "the list is in force again", seconds=SECONDS)

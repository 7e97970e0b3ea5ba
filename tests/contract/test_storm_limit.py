"""A new limit of storms changes the filters that stand and nothing else; who does not know of limits has none."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.agents import running
from tests.contract.bench import Bench
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.model.host import HostDocument, decode_ports
from vxloom.model.state import PortFilter, Tap


def test_a_new_limit_changes_the_filters_and_nothing_else(tmp_path: Path, bench: Bench) -> None:
    ports = port(1), port(2), port(3, 5002)

    def limits() -> set[int]:
        resources = bench.driver.observe().resources
        return {each.storm_limit for each in resources.values() if isinstance(each, PortFilter)}

    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(document(*ports, revision=5, storm_limit=2000), segment(5001, {1: 1}, 5), segment(5002, {3: 1}, 5))
        agent.await_ack(5)
        assert limits() == {2000}
        before = bench.driver.observe()
        agent.tell(document(*ports, revision=6, storm_limit=10))
        agent.await_ack(6)
        wait_until(lambda: limits() == {10}, "every filter is another")
        after = bench.driver.observe()
        changed = {key for key in before.resources if before.resources[key] != after.resources[key]}
        assert changed == {(PortFilter.kind, each.tap) for each in ports}
        assert {key for key in after.resources if key[0] == Tap.kind} == {(Tap.kind, each.tap) for each in ports}


def test_a_server_that_knows_no_limits_sets_none() -> None:
    said = msgspec.msgpack.decode(msgspec.msgpack.encode(document(port(1), storm_limit=2000)))
    del said["storm_limit"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=HostDocument).storm_limit == 0


def test_an_agent_that_knows_no_limits_binds_its_ports() -> None:
    """What it does not know of a document it passes over; of a port's security it would refuse the port."""
    said = msgspec.msgpack.decode(msgspec.msgpack.encode(document(port(1), storm_limit=2000)))
    said["something_newer"] = said.pop("storm_limit")
    held = msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=HostDocument)
    bound, refused = decode_ports(held)
    assert (bound, refused) == ((port(1),), ())

"""Law 8, the agent's part: a port whose security this version cannot read is refused and reported; the others stand."""

from __future__ import annotations

import msgspec

from tests.agents import running
from tests.unit.agent.words import document, port, segment
from tests.waiting import wait_until
from vxloom.model.host import PortSecurity, encode_port


def test_an_unknown_security_field_refuses_the_port_and_only_that(tmp_path, bench):
    newer = msgspec.msgpack.decode(encode_port(port(2)))
    newer["security"]["only_on_sundays"] = True
    doc = document(port(1), port(2), revision=5)
    doc = msgspec.structs.replace(doc, ports=(doc.ports[0], msgspec.Raw(msgspec.msgpack.encode(newer))))
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(doc, segment(5001, {1: 1}, 5))
        ack = agent.await_ack(5)
        assert agent.taps() == {port(1).tap}
        assert any(port(2).nic in problem and "only_on_sundays" in problem for problem in ack.problems)


def test_an_unreadable_address_refuses_the_port(tmp_path, bench):
    bad = port(2, security=PortSecurity(("02:00:00:00:00:02",), ("10.1.1.999",)))
    with running(tmp_path, bench) as agent:
        agent.meet()
        agent.tell(document(port(1), bad, revision=5), segment(5001, {1: 1}, 5))
        agent.await_ack(5)
        assert agent.taps() == {port(1).tap}
        wait_until(lambda: any("10.1.1.999" in text for report in agent.reports() for text in report.findings), "the report", seconds=10)

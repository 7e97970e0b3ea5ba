"""Host documents, segment tables and their wire form: what is torn, foreign or from the future."""

from __future__ import annotations

import msgspec
import pytest

from tests.intents import at, cloud, network, nic, nic_id
from vxloom.compiler import compile_document, compile_segments
from vxloom.errors import StateError
from vxloom.model.host import HostDocument, decode_ports, tap_name
from vxloom.model.rows import table
from vxloom.model.segment import SegmentTable, changes
from vxloom.model.state import (
    AllowList,
    AllowTable,
    Bridge,
    FilterTable,
    PortFilter,
    SegmentRows,
    Tap,
    VxlanDevice,
    altname,
)
from vxloom.model.wire import (
    Beat,
    Delta,
    Hello,
    decode_from_agent,
    decode_from_gateway,
    delta_message,
    delta_of,
    encode,
    table_message,
    table_of,
)
from vxloom.planner.plan import Operation, Outcome, Plan, QuarantineStep, ResourceStep, Result, Verdict

INTENT = cloud((network(5001), network(5002)), (nic(1, 5001, at(1)), nic(2, 5001, at(2)), nic(1, 5002, at(1))))
TABLES = compile_segments(INTENT)


def with_field(document: HostDocument, position: int, **fields: object) -> HostDocument:
    """The document with fields added to one port, as a newer server would write it."""
    ports = list(document.ports)
    port = msgspec.msgpack.decode(ports[position])
    for name, value in fields.items():
        port[name] = {**port[name], **value} if isinstance(value, dict) and isinstance(port.get(name), dict) else value
    ports[position] = msgspec.Raw(msgspec.msgpack.encode(port))
    return msgspec.structs.replace(document, ports=tuple(ports))


def test_an_unknown_security_field_refuses_that_port_and_no_other() -> None:
    document = with_field(compile_document(INTENT, "host-1", 7, {}), 0, security={"vlans": [7]})
    bound, refused = decode_ports(document)
    assert [port.nic for port in bound] == [nic_id(1, 5002)]
    assert [port.nic for port in refused] == [nic_id(1, 5001)]
    assert "vlans" in refused[0].reason


def test_an_unknown_field_elsewhere_is_the_future_and_harmless() -> None:
    document = with_field(compile_document(INTENT, "host-1", 7, {}), 0, colour="blue")
    assert len(decode_ports(document)[0]) == 2


def test_a_port_nobody_can_read_is_refused_without_a_name() -> None:
    document = msgspec.structs.replace(compile_document(INTENT, "host-1", 7, {}), ports=(msgspec.Raw(msgspec.msgpack.encode([1])),))
    assert [port.nic for port in decode_ports(document)[1]] == ["?"]


def test_tap_names_fit_and_differ() -> None:
    assert len(tap_name("0f5a7c1e-1111-4222-8333-444455556666")) == 14
    assert tap_name("0f5a7c1e-1111-4222-8333-444455556666") == "vt0f5a7c1e1111"


def test_a_torn_snapshot_or_delta_is_a_state_error() -> None:
    message = table_message(TABLES[5001], "e")
    with pytest.raises(StateError, match="digest differs"):
        table_of(msgspec.structs.replace(message, ports=b""), "e")
    with pytest.raises(StateError, match="cut short"):
        table_of(msgspec.structs.replace(message, ports=message.ports[:-1]), "e")
    delta = delta_message(changes(SegmentTable(TABLES[5001].head, 0), TABLES[5001], "e"))
    torn = Delta(delta.head, 0, 7, delta.digest, delta.removed, (b"", b"x", b""))
    with pytest.raises(StateError, match="cut short"):
        delta_of(torn)


def test_messages_of_another_schema_are_a_state_error() -> None:
    hello = Hello("h1", "192.0.2.1", "e", 7, "n", {5001: (7, 1)})
    assert decode_from_agent(encode(hello)[4:]) == hello
    assert decode_from_gateway(encode(Beat())[4:]) == Beat()
    for decode in (decode_from_agent, decode_from_gateway):
        with pytest.raises(StateError, match="not understood"):
            decode(msgspec.msgpack.encode({"t": "from the future"}))


def test_tables_of_two_segments_have_no_difference() -> None:
    with pytest.raises(ValueError, match="5001 and 5002"):
        changes(TABLES[5001], TABLES[5002], "e")


def test_tables_and_rows_are_equal_only_to_their_kind() -> None:
    assert TABLES[5001] != 7
    assert SegmentRows() != 7
    assert SegmentRows() != SegmentRows(flood=table(SegmentRows().flood.dtype, [(0, 1)]))


def test_resources_say_what_the_planner_asks() -> None:
    parts = (
        Bridge("b", 1, "02:00:00:00:00:01", 1450),
        VxlanDevice("v", 1, "192.0.2.1", 4789, 1450, "b"),
        FilterTable(ruleset="1"),
        AllowTable(4789, ruleset="1"),
        AllowList(1, 4789, None),
        PortFilter("t", frozenset(), frozenset()),
        Tap("t", "b", frozenset(), 1450),
    )
    keys = {part.key for part in parts}
    for part in parts:
        assert set(part.needs) <= keys
        assert part.parent is None or part.parent in part.needs
        assert set(part.clears) | part.recreate_on <= set(part.__dataclass_fields__)
        assert all(isinstance(slot, tuple) for slot in part.exclusive)
    assert altname("vxlan7") != "vxlan7"


def test_outcomes_name_what_was_not_done() -> None:
    results = (Result(Verdict.DONE), Result(Verdict.FAILED, "no"), Result(Verdict.SKIPPED))
    assert Outcome(results).failed == {1: "no", 2: "skipped"}
    assert QuarantineStep("x", "b", "why").key == ("stray", "x")
    assert not Plan()
    with pytest.raises(ValueError, match="without a resource"):
        assert ResourceStep(Operation.CREATE, None, None, "").key

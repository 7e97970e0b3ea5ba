"""Segments as the gateway sends them: nothing, changes or a snapshot, each encoded once."""

from __future__ import annotations

from vxloom.model.rows import MEMBER, PORT, table
from vxloom.model.segment import SegmentHead, SegmentTable, apply
from vxloom.model.wire import Delta, Table, decode_from_gateway, delta_of, table_of
from vxloom.server.gateway.tables import Segment

EPOCH = "epoch"
HEAD = SegmentHead(5000, "network", "n", "t", 1450)


def made(revision: int, *macs: int) -> SegmentTable:
    return SegmentTable(HEAD, revision, members=table(MEMBER, [(1, 0, 1)]), ports=table(PORT, [(mac, 1, 0) for mac in macs]))


def held(held_table: SegmentTable) -> tuple[int, int]:
    return held_table.revision, held_table.digest(EPOCH)


def read(message: bytes | None) -> Table | Delta:
    assert message is not None
    assert int.from_bytes(message[:4], "big") == len(message) - 4
    decoded = decode_from_gateway(message[4:])
    assert isinstance(decoded, Table | Delta)
    return decoded


def test_who_holds_nothing_gets_the_snapshot_and_all_get_the_same_bytes():
    segment = Segment(made(1, 10), EPOCH)
    first, second = segment.message_for(None), segment.message_for((7, 7))
    assert first is second
    assert segment.encodings == 1
    message = read(first)
    assert isinstance(message, Table)
    assert table_of(message, EPOCH) == made(1, 10)


def test_who_holds_the_present_table_gets_nothing():
    assert Segment(made(1, 10), EPOCH).message_for(held(made(1, 10))) is None


def test_any_remembered_table_is_brought_up_to_date_by_changes():
    tables = [made(revision, *range(1, revision + 1)) for revision in range(1, 6)]
    segment = Segment(tables[0], EPOCH)
    for newer in tables[1:]:
        assert segment.replace(newer)
    for start in tables[:-1]:
        message = read(segment.message_for(held(start)))
        assert isinstance(message, Delta)
        assert apply(delta_of(message), start, EPOCH) == tables[-1]
        assert segment.message_for(held(start)) is segment.message_for(held(start))
    assert segment.encodings == len(tables) - 1


def test_a_table_too_old_or_of_another_content_is_replaced_whole():
    segment = Segment(made(1, 1), EPOCH)
    for revision in range(2, 20):
        segment.replace(made(revision, revision))
    assert isinstance(read(segment.message_for(held(made(1, 1)))), Table)
    assert isinstance(read(segment.message_for((19, 0))), Table)


def test_the_same_content_under_an_older_revision_needs_no_rows():
    segment = Segment(made(9, 1, 2), EPOCH)
    message = read(segment.message_for(held(made(4, 1, 2))))
    assert isinstance(message, Delta)
    assert message.added == (b"", b"", b"")
    assert apply(delta_of(message), made(4, 1, 2), EPOCH) == made(9, 1, 2)


def test_the_same_table_again_and_an_older_one_change_nothing():
    segment = Segment(made(5, 1), EPOCH)
    assert not segment.replace(made(5, 1))
    assert not segment.replace(made(4, 1, 2))
    assert segment.now == held(made(5, 1))

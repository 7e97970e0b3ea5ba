"""Law 6: by which words of a server a host changes its belief, and by which it does not."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from tests.unit.agent.words import NICS, document, port, segment
from vxloom.agent import held as rules
from vxloom.agent.held import Held
from vxloom.model.host import decode_ports


def nics(held: Held) -> set[str]:
    word = held.effective()
    return {one.nic for one in decode_ports(word.document)[0]} if word.document else set()


def macs(held: Held, vni: int = 5001) -> dict[int, int]:
    return {int(row["mac"]) & 0xFF: int(row["host"]) for row in held.effective().tables[vni].ports}


@pytest.fixture
def settled() -> Held:
    """A host in step with its server at revision 5: guests 1 and 2 here, MAC 3 on host 2."""
    held = rules.welcomed(Held(), "e1", lineage=True)
    held = rules.documented(held, document(port(1), port(2), revision=5))
    held = rules.tabled(held, segment(5001, {1: 1, 2: 1, 3: 2}, revision=5))
    return rules.reached(held, 5, "n5")


def test_the_known_servers_word_counts_in_full(settled):
    after = rules.documented(settled, document(port(1), revision=6, gone_ports=(NICS[2],)))
    assert nics(after) == {NICS[1]}
    assert not after.holding


def test_a_port_that_vanishes_without_a_tombstone_is_kept_and_the_host_holds(settled):
    after = rules.documented(settled, document(port(1), revision=6))
    assert nics(after) == {NICS[1], NICS[2]}
    assert "without a tombstone" in after.holding


def test_a_loss_is_not_forgotten_when_the_stream_comes_back(settled):
    holding = rules.documented(settled, document(port(1), revision=6))
    again = rules.welcomed(holding, "e1", lineage=True)
    again = rules.documented(again, document(port(1), revision=6))
    assert nics(again) == {NICS[1], NICS[2]}
    assert again.holding


def test_an_empty_database_withdraws_nothing(settled):
    after = rules.welcomed(settled, "other", lineage=True)
    after = rules.reached(rules.documented(after, document(revision=1, epoch="other")), 1, "x")
    assert nics(after) == {NICS[1], NICS[2]}
    assert macs(after) == {1: 1, 2: 1, 3: 2}
    assert "another one" in after.holding
    assert (after.epoch, after.revision, after.nonce) == ("e1", 5, "n5"), "the known history's mark is kept"


def test_an_older_history_of_the_same_epoch_withdraws_nothing(settled):
    after = rules.welcomed(settled, "e1", lineage=False)
    after = rules.documented(after, document(port(1), revision=3))
    assert nics(after) == {NICS[1], NICS[2]}
    assert "lacks this host's revision 5" in after.holding


def test_a_restored_store_does_not_bring_back_the_past(settled):
    """The backup says guest 9 was here and MAC 3 on host 7: both are old news."""
    after = rules.welcomed(settled, "e2", lineage=False)
    after = rules.documented(after, document(port(1), port(9), revision=3, epoch="e2"))
    after = rules.tabled(after, segment(5001, {1: 1, 3: 7, 9: 1}, revision=3))
    assert nics(after) == {NICS[1], NICS[2]}
    assert macs(after) == {1: 1, 2: 1, 3: 2}


def test_what_changes_after_the_first_word_is_new_intent(settled):
    after = rules.welcomed(settled, "e2", lineage=False)
    after = rules.documented(after, document(port(1), revision=3, epoch="e2"))
    after = rules.tabled(after, segment(5001, {1: 1, 3: 2}, revision=3))
    after = rules.documented(after, document(port(1), port(4), revision=4, epoch="e2"))
    after = rules.tabled(after, segment(5001, {1: 1, 3: 3, 4: 1}, revision=4))
    assert nics(after) == {NICS[1], NICS[2], NICS[4]}
    assert macs(after) == {1: 1, 2: 1, 3: 3, 4: 1}


def test_a_new_segment_while_holding_is_taken(settled):
    after = rules.welcomed(settled, "e2", lineage=False)
    after = rules.documented(after, document(port(1), revision=3, epoch="e2"))
    after = rules.documented(after, document(port(1), port(5, vni=6000), revision=4, epoch="e2"))
    after = rules.tabled(after, segment(6000, {5: 1}, revision=4))
    assert macs(after, 6000) == {5: 1}
    assert {need.vni for need in after.effective().document.segments} == {5001, 6000}


def test_a_second_stream_to_the_same_wrong_server_changes_nothing(settled):
    once = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(port(1), revision=3, epoch="e2"))
    twice = rules.documented(rules.welcomed(once, "e2", lineage=False), document(port(1), revision=3, epoch="e2"))
    assert nics(twice) == {NICS[1], NICS[2]}
    assert twice.holding == once.holding


def test_the_right_server_coming_back_ends_the_holding(settled):
    wrong = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(revision=1, epoch="e2"))
    right = rules.welcomed(wrong, "e1", lineage=True)
    right = rules.documented(right, document(port(1), port(2), revision=5))
    assert not right.holding
    assert nics(right) == {NICS[1], NICS[2]}


def test_a_person_ends_the_holding(settled):
    after = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(port(1), revision=3, epoch="e2"))
    after = rules.confirmed(after, "e2")
    assert nics(after) == {NICS[1]}
    assert not after.holding
    assert after.epoch == "e2"


def test_a_confirmation_for_another_epoch_is_ignored(settled):
    after = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(port(1), revision=3, epoch="e2"))
    assert rules.confirmed(after, "e3") is after


def test_a_revision_that_goes_back_on_one_stream_holds(settled):
    after = rules.documented(settled, document(port(1), port(2), revision=4))
    assert "went back" in after.holding


def test_a_fresh_agent_has_nothing_to_hold():
    held = rules.welcomed(Held(), "e1", lineage=True)
    assert held.epoch == "e1"
    assert not held.holding
    assert held.effective().document is None


def test_a_confirmed_host_takes_the_new_history_for_its_own(settled):
    after = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(port(1), revision=3, epoch="e2"))
    after = rules.confirmed(rules.reached(after, 3, "m3"), "e2")
    assert (after.epoch, after.revision, after.nonce) == ("e2", 3, "m3")


def test_a_confirmation_without_holding_keeps_the_mark(settled):
    """The brake is confirmed the same way; without its mark the host could not tell a restored store from this one."""
    after = rules.confirmed(settled, "e1")
    assert (after.epoch, after.revision, after.nonce) == ("e1", 5, "n5")


def test_a_store_that_said_nothing_cannot_be_confirmed(settled):
    after = rules.confirmed(rules.reached(rules.welcomed(settled, "e2", lineage=False), 3, "m3"), "e2")
    assert nics(after) == {NICS[1], NICS[2]}
    assert after.holding


def test_after_a_loss_an_older_history_of_the_same_epoch_does_not_bring_back_the_past(settled):
    after = rules.documented(settled, document(port(1), revision=6))
    after = rules.welcomed(after, "e1", lineage=False)
    after = rules.documented(after, document(port(1), port(9), revision=3))
    assert nics(after) == {NICS[1], NICS[2]}
    assert "lacks this host's revision" in after.holding


def test_a_vni_that_is_another_network_there_takes_no_new_port_here(settled):
    """The backup is older than network 5001; its store has given the VNI to somebody else since."""
    after = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(revision=3, epoch="e2"))
    after = rules.documented(after, document(port(4), revision=4, epoch="e2"))
    assert nics(after) == {NICS[1], NICS[2]}, "before its table has come nobody knows whose VNI it is"
    table = segment(5001, {4: 1, 1: 6}, 4)
    after = rules.tabled(after, replace(table, head=replace(table.head, network="strangers")))
    assert nics(after) == {NICS[1], NICS[2]}
    assert macs(after) == {1: 1, 2: 1, 3: 2}
    assert after.contested() == (5001,)
    after = rules.confirmed(after, "e2")
    assert nics(after) == {NICS[4]}
    assert after.contested() == ()


def test_a_host_that_holds_tells_all_its_segments_but_only_revisions_of_the_store_it_knew(settled):
    """A restored store must not give away a VNI that is in use here (law 7)."""
    assert settled.known()[5001][0] == 5
    after = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(port(5, vni=6000), revision=3, epoch="e2"))
    after = rules.tabled(after, segment(6000, {5: 1}, 3))
    assert after.known() == {5001: (0, 0), 6000: (0, 0)}


def test_while_holding_the_table_of_a_kept_segment_is_not_the_other_stores(settled):
    """It was torn on disk: its rows are unknown, and left alone."""
    torn = replace(settled, said=replace(settled.said, tables={}))
    after = rules.documented(rules.welcomed(torn, "e2", lineage=False), document(port(1), revision=3, epoch="e2"))
    after = rules.tabled(after, segment(5001, {1: 7}, 3))
    assert after.effective().tables == {}


def test_a_port_nobody_here_can_read_is_kept_while_holding(settled):
    raw = msgspec.Raw(msgspec.msgpack.encode({"nic": NICS[7], "vni": 5001, "security": {"new": 1}}))
    doc = msgspec.structs.replace(settled.said.document, ports=(*settled.said.document.ports, raw))
    after = rules.welcomed(rules.documented(settled, doc), "e2", lineage=False)
    after = rules.documented(after, document(revision=3, epoch="e2"))
    assert raw in after.effective().document.ports

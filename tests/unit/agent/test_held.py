"""Law 6: by which words of a server a host changes its belief, and by which it does not."""

from __future__ import annotations

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
    after = rules.confirmed(after, "e2", 3)
    assert nics(after) == {NICS[1]}
    assert not after.holding
    assert after.epoch == "e2"


def test_a_confirmation_for_another_epoch_is_ignored(settled):
    after = rules.documented(rules.welcomed(settled, "e2", lineage=False), document(port(1), revision=3, epoch="e2"))
    assert rules.confirmed(after, "e3", 3) is after


def test_a_revision_that_goes_back_on_one_stream_holds(settled):
    after = rules.documented(settled, document(port(1), port(2), revision=4))
    assert "went back" in after.holding


def test_a_fresh_agent_has_nothing_to_hold():
    held = rules.welcomed(Held(), "e1", lineage=True)
    assert held.epoch == "e1"
    assert not held.holding
    assert held.effective().document is None

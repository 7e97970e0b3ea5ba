"""Measured ways as people read them."""

from __future__ import annotations

from vxloom.cli.ways import Coverage, Way, cell, coverage_text, matrix


def way(host: str, to: str, **more: object) -> Way:
    return Way(host, f"192.0.2.{to[1:]}", 1550, **({"reached": True, "limit": 1550, "remotehost": to, "round_trip": 0.5} | more))  # type: ignore[arg-type]


def test_a_matrix_has_a_row_for_who_sends_and_says_what_was_not_measured() -> None:
    head, rows = matrix([way("h1", "h2"), way("h2", "h1", round_trip=1.234), way("h3", "h1", reached=False, limit=0)])
    assert head == ("from \\ to", "h1", "h2", "h3")
    assert rows == [("h1", "", "0.5 ms", "-"), ("h2", "1.23 ms", "", "-"), ("h3", "nothing passes", "-", "")]


def test_a_cell_says_what_is_wrong() -> None:
    assert cell(way("h1", "h2", limit=1437)) == "0.5 ms, 1437 of 1550 bytes"
    assert cell(way("h1", "h2", sent=32, lost=3)) == "0.5 ms, 3 of 32 lost"
    assert cell(way("h1", "h2", legs_lost=(49152,), segments_lost=4)) == "0.5 ms, 1 legs lost, segments lost"
    assert not way("h1", "h2", frames_lost=1).well
    assert way("h1", "h2").well


def test_coverage_says_how_much_and_who_took_no_part() -> None:
    assert coverage_text(Coverage(2000, 999_000, 1000, 1000, 1000, 7)) == (
        "measured 2,000 of 999,000 directions (0.2 %); every host sent and was sent to; the same again: --seed 7"
    )
    assert coverage_text(Coverage(6, 6, 3, 3, 3, 7)) == "measured 6 of 6 directions (100 %); every host sent and was sent to"
    assert coverage_text(Coverage(4, 6, 3, 3, 2, 7)) == (
        "measured 4 of 6 directions (67 %); of 3 hosts 3 sent and 2 were sent to; the same again: --seed 7"
    )
    assert coverage_text(Coverage()) == "measured 0 of 0 directions (100 %): no two hosts share a network"

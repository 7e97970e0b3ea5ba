"""Which ways are measured where there are too many for all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vxloom.server.diagnosis.sample import Sample, draw

SEGMENTS = st.lists(st.sets(st.sampled_from([f"h{number:02}" for number in range(30)]), max_size=12), max_size=8)


def directions(sample: Sample) -> set[tuple[str, str]]:
    return {(sender, remote) for sender, remotes in sample.directions.items() for remote in remotes}


def every(segments: list[set[str]]) -> set[tuple[str, str]]:
    return {(one, other) for members in segments for one in members for other in members if one != other}


@given(SEGMENTS, st.integers(0, 200), st.integers(0, 99))
def test_every_host_sends_and_is_sent_to_within_the_number_or_twice_the_hosts(segments: list[set[str]], number: int, seed: int) -> None:
    sample, all_of = draw(segments, number, seed), every(segments)
    found = directions(sample)
    assert found <= all_of
    assert sample.total == len(all_of)
    hosts = {host for pair in all_of for host in pair}
    assert {sender for sender, _ in found} == {remote for _, remote in found} == hosts == sample.ends
    assert min(number, len(all_of)) <= len(found) <= max(number, 2 * len(hosts))
    assert directions(draw(segments, number, seed)) == found, "the same seed, the same sample"


@given(SEGMENTS, st.integers(0, 99))
def test_what_is_in_doubt_is_measured_in_any_case(segments: list[set[str]], seed: int) -> None:
    doubtful = sorted(every(segments))[:5]
    assert set(doubtful) <= directions(draw(segments, 1, seed, first=[*doubtful, ("h00", "nobody"), ("h00", "h00")]))


def test_one_host_alone_sends_to_its_peers() -> None:
    sample = draw([{"a", "b", "c"}, {"c", "d"}], 100, 1, senders={"a"})
    assert (sample.directions, sample.total) == ({"a": ("b", "c")}, 2)


def test_another_seed_is_another_sample() -> None:
    hosts = [f"h{number}" for number in range(1000)]
    one, other = (directions(draw([hosts], 2000, seed)) for seed in (1, 2))
    assert len(one) == len(other) == 2000
    assert len(one & other) < 100

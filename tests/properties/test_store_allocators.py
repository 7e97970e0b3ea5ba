"""Interval picks: never taken, never outside, exhausted only when full; ranges as sets."""

from __future__ import annotations

import itertools

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from vxloom.errors import RequestError
from vxloom.store.gaps import Interval, Taken, next_free, random_free
from vxloom.store.vnis import format_ranges, merge, parse_ranges

_BOUNDS = (0, 60)
_TABLE = sa.Table("numbers", sa.MetaData(), sa.Column("scope", sa.Integer), sa.Column("number", sa.Integer))
_ENGINE = sa.create_engine("sqlite://")
_TABLE.create(_ENGINE)

intervals = st.lists(
    st.tuples(st.integers(*_BOUNDS), st.integers(*_BOUNDS)).map(lambda pair: (min(pair), max(pair))), min_size=0, max_size=5
)


def numbers(some: tuple[Interval, ...] | list[Interval]) -> set[int]:
    return {number for low, high in some for number in range(low, high + 1)}


@given(intervals, st.sets(st.integers(*_BOUNDS)), st.sets(st.integers(*_BOUNDS)))
def test_a_pick_is_free_and_inside_and_found_while_there_is_one(wanted: list[Interval], taken: set[int], elsewhere: set[int]) -> None:
    ranges = merge(wanted)
    with _ENGINE.connect() as connection, connection.begin() as transaction:
        rows = [{"scope": 1, "number": n} for n in taken] + [{"scope": 2, "number": n} for n in elsewhere]
        if rows:
            connection.execute(_TABLE.insert(), rows)
        held = Taken(_TABLE, "number", {"scope": 1})
        free = numbers(ranges) - taken
        for pick in (random_free(connection, held, ranges), next_free(connection, held, ranges)):
            assert (pick in free) if free else (pick is None)
        transaction.rollback()


@given(intervals)
def test_all_of_a_pool_is_given_once(wanted: list[Interval]) -> None:
    ranges = merge(wanted)
    for choose in (random_free, next_free):
        with _ENGINE.connect() as connection, connection.begin() as transaction:
            held = Taken(_TABLE, "number", {"scope": 1})
            given_out: list[int] = []
            while (pick := choose(connection, held, ranges)) is not None:
                connection.execute(_TABLE.insert(), {"scope": 1, "number": pick})
                given_out.append(pick)
            assert sorted(given_out) == sorted(numbers(ranges))
            transaction.rollback()


@given(intervals)
def test_merged_ranges_are_the_same_numbers_apart_and_ascending(wanted: list[Interval]) -> None:
    ranges = merge(wanted)
    assert numbers(ranges) == numbers(wanted)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(ranges))
    assert parse_ranges(format_ranges(ranges), _BOUNDS) == ranges


@given(st.text(alphabet="0123456789-, ", max_size=20))
def test_any_text_is_ranges_within_bounds_or_refused(text: str) -> None:
    try:
        ranges = parse_ranges(text, _BOUNDS)
    except RequestError as error:
        assert error.code == 431  # noqa: PT017 - both outcomes are right; this is what refusing means
    else:
        assert numbers(ranges) <= set(range(_BOUNDS[0], _BOUNDS[1] + 1))

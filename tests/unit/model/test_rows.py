from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vxloom.model.rows import FDB, FLOOD, canonical, difference, digest, empty, table, union, within

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2**64 - 1) | st.integers(0, 1)), max_size=12)


@given(rows, rows)
def test_tables_behave_as_sets_of_rows(left: list[tuple[int, ...]], right: list[tuple[int, ...]]) -> None:
    a, b = table(FDB, left), table(FDB, right)
    assert a.tolist() == sorted(set(left))
    assert difference(a, b).tolist() == sorted(set(left) - set(right))
    assert union(a, b).tolist() == sorted(set(left) | set(right))
    assert canonical(np.concatenate([a, a])).tolist() == a.tolist()


@given(rows, rows)
def test_within_compares_the_columns_named(left: list[tuple[int, ...]], right: list[tuple[int, ...]]) -> None:
    a, b = np.array(left, FDB), np.array(right, FDB)
    macs, pairs = {row[0] for row in right}, {row[1:] for row in right}
    assert within(a, b, ("mac",)).tolist() == [row[0] in macs for row in left]
    assert within(a, b, ("hi", "lo")).tolist() == [row[1:] in pairs for row in left]


@given(rows, st.integers(0, 2**70))
def test_a_digest_knows_no_order_but_the_columns_and_the_key(given_rows: list[tuple[int, ...]], key: int) -> None:
    ordered = table(FDB, given_rows)
    assert digest(ordered[::-1], key) == digest(ordered, key)
    if len(ordered):
        assert digest(ordered, key) != digest(ordered, key + 1)
        assert digest(ordered, key) != digest(ordered[:-1], key)
    assert digest(table(FLOOD, [(1, 2)]), key) != digest(table(FLOOD, [(2, 1)]), key)


@given(st.lists(st.tuples(*[st.integers(0, 2**64 - 1)] * 3), min_size=17, max_size=40), st.integers(0, 2**64 - 1))
def test_a_long_table_has_the_digest_of_its_parts(given_rows: list[tuple[int, ...]], key: int) -> None:
    whole = np.array(given_rows, FDB)
    assert digest(whole, key) == sum(digest(whole[n : n + 1], key) for n in range(len(whole))) % 2**64, "by arrays as by numbers"


def test_nothing_is_the_same_of_every_kind() -> None:
    assert digest(empty(FDB), 1) == digest(empty(FLOOD), 2) == 0

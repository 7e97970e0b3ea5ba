"""A clock is apart only by what the question's way cannot account for."""

from __future__ import annotations

import pytest

from vxloom.server.diagnosis.asking import apart


@pytest.mark.parametrize(("clock", "skew"), [(100.0, 0.0), (101.0, 0.0), (102.0, 0.0), (110.0, 8.0), (70.0, -30.0)])
def test_how_long_an_answer_took_is_no_skew(clock: float, skew: float) -> None:
    assert apart(clock, before=100.0, after=102.0) == skew

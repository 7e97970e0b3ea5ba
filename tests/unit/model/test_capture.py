"""What may be asked of a capture."""

from __future__ import annotations

import msgspec
import pytest

from vxloom.errors import ConfigError
from vxloom.model.capture import FAR, HERE, CaptureOrder, checked, member_table


def test_an_order_within_bounds_is_taken_with_macs_in_one_form() -> None:
    assert checked(CaptureOrder(macs=("02-00-00-00-00-0A",), device="eth0"), FAR).macs == ("02:00:00:00:00:0a",)
    assert checked(CaptureOrder(seconds=3600), HERE).seconds == 3600


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 61.0},
        {"seconds": 0.0},
        {"seconds": float("nan")},
        {"packets": 0},
        {"packets": 50_001},
        {"size": (8 << 20) + 1},
        {"size": 10},
        {"snap": 0},
        {"snap": 1 << 20},
        {"vnis": (1 << 24,)},
        {"vnis": (-1,)},
        {"vnis": tuple(range(17))},
        {"macs": ("02:00:00:00:00:01",) * 17},
        {"macs": ("not a mac",)},
        {"macs": ("01:00:5e:00:00:01",)},
        {"device": "-w/etc/passwd"},
        {"device": "a" * 16},
        {"device": "a b"},
        {"device": "../x"},
    ],
    ids=str,
)
def test_an_order_out_of_bounds_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        checked(msgspec.structs.replace(CaptureOrder(), **change), FAR)


def test_members_are_places_in_one_list_unless_they_are_too_many() -> None:
    segments = {5001: frozenset({"b", "a"}), 5002: frozenset({"a"})}
    assert member_table(segments, 3) == (("a", "b"), {5001: (0, 1), 5002: (0,)}, True)
    assert member_table(segments, 2) == ((), {5001: (), 5002: ()}, False)
    assert member_table({}, 2) == ((), {}, True)

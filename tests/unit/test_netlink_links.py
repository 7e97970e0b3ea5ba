"""Link requests that cannot work are refused before they are sent; what the kernel tells is read, torn input refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.dataplane import netlink as nl
from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink import wire


def test_a_link_must_be_named() -> None:
    with pytest.raises(ValueError, match="by index or by name"):
        nl.set_link(up=True)
    with pytest.raises(ValueError, match="by index or by name"):
        nl.delete_link()


def test_renaming_by_name_is_refused() -> None:
    with pytest.raises(ValueError, match="by index"):
        nl.set_link(name="a", rename="b")


def test_group_zero_is_never_deleted() -> None:
    """Every link of the machine is born in group 0."""
    with pytest.raises(ValueError, match="every link of the machine"):
        nl.delete_group(0)


def test_combinations_the_kernel_takes_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="two messages"):
        nl.set_link(5, master=4, port=nl.PortFlags(learning=False))
    with pytest.raises(ValueError, match="two messages"):
        nl.set_link(5, addr_gen_mode_none=True, up=True)


@given(st.sets(st.integers(0x10_0000, 0x10_0040)), st.integers(0, 50))
def test_chosen_indexes_are_free_and_differ(taken: set[int], count: int) -> None:
    chosen = nl.choose_indexes(taken, count)
    assert len(set(chosen)) == count
    assert not taken.intersection(chosen)
    assert all(index >= nl.FIRST_INDEX for index in chosen)


def test_a_link_without_optional_parts_is_read() -> None:
    body = wire.IFINFOMSG.pack(0, 1, 7, 0, 0) + wire.text(c.IFLA_IFNAME, "x")
    (link,) = nl.parse_links([memoryview(wire.message(c.RTM_NEWLINK, 0, body))])
    assert (link.index, link.name, link.altnames, link.kind, link.up) == (7, "x", (), "", False)
    assert link.vxlan is link.port is link.bridge is None
    assert link.inet6 is None


@given(st.binary(max_size=80))
def test_noise_is_an_error_or_a_link_never_a_crash(noise: bytes) -> None:
    noise += bytes(-len(noise) % 4)
    message = wire.message(c.RTM_NEWLINK, 0, wire.IFINFOMSG.pack(0, 1, 7, 0, 0) + noise)
    try:
        links = nl.parse_links([memoryview(message)])
    except ValueError:
        return
    assert links[0].index == 7

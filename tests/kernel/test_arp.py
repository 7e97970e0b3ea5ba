"""Who answers for an address on a link, asked without leaving a trace in anybody's tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.kernel.netns import Netns, fresh_netns
from vxloom.dataplane.arp import claimants

OURS, THEIRS = "02:00:00:00:00:01", "02:00:00:00:00:02"


@pytest.fixture
def link() -> Iterator[tuple[Netns, Netns]]:
    """Two ends of a cable; ours has 192.0.2.1."""
    with ExitStack() as stack:
        here, there = stack.enter_context(fresh_netns()), stack.enter_context(fresh_netns())
        here.run(*f"ip link add eth0 address {OURS} type veth peer name eth0 address {THEIRS} netns {there.path}".split())
        for end in (here, there):
            end.run("ip", "link", "set", "eth0", "up")
        here.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
        there.run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
        yield here, there


def asked(here: Netns, device: str = "eth0") -> frozenset[str]:
    with here.entered():
        return claimants(device, "192.0.2.1")


def test_an_address_that_is_ours_alone_is_claimed_by_nobody(link: tuple[Netns, Netns]) -> None:
    here, there = link
    assert asked(here) == frozenset()
    assert there.run("ip", "neigh", "show") == ""  # a probe names no sender, so nobody learns from it


def test_whoever_has_it_too_is_named_by_its_mac(link: tuple[Netns, Netns]) -> None:
    here, there = link
    there.run("ip", "address", "add", "192.0.2.1/32", "dev", "eth0")
    assert asked(here) == {THEIRS}


def test_on_what_is_no_ethernet_nobody_is_asked(link: tuple[Netns, Netns]) -> None:
    assert asked(link[0], "lo") == frozenset()

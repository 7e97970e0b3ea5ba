"""What tunnel packets meet at this host: its firewall, its reverse path filter, others with its address."""

from __future__ import annotations

import pytest

from vxloom.doctor.crossing import reverse_path_drops
from vxloom.doctor.diagnosis import diagnose
from vxloom.doctor.evidence import Crossing, HostEvidence, Route, Wall, Word

NEAR, FAR = Route("eth0", "192.0.2.1"), Route("eth1", "192.0.2.1")
DROPS = Wall("inet site input", "udp dport 4789 drop", outward=False, stops=True)


def found(
    crossing: Crossing | None = None,
    *,
    far: Route = NEAR,
    addresses: dict[str, str] | None = None,
) -> list[tuple[str, str, list[str]]]:
    evidence = HostEvidence(
        "h1",
        word=Word("192.0.2.1", 4789, frozenset({"192.0.2.2", "192.0.2.3"})),
        addresses=addresses or {"192.0.2.1": "eth0"},
        routes={"192.0.2.2": NEAR, "192.0.2.3": far},
        crossing=crossing or Crossing(),
    )
    return [(each.code, each.where, [text.split()[0] for text in each.explains]) for each in diagnose(evidence)]


def test_a_wall_that_surely_stops_tunnels_is_found_and_one_that_may_is_not() -> None:
    assert found(Crossing(walls=(DROPS,))) == [("firewall-closed", "UDP 4789 on eth0", [])]
    assert found(Crossing(walls=(Wall("inet site input", "limit rate", outward=False, stops=False),))) == []


@pytest.mark.parametrize(
    ("strict", "drops", "expected"),
    [
        (1, 5, [("rp-filter-drops", "eth0", ["route-asymmetric"])]),
        (1, 0, [("route-asymmetric", "192.0.2.3", [])]),
        (2, 5, [("route-asymmetric", "192.0.2.3", [])]),
        (0, 5, [("route-asymmetric", "192.0.2.3", [])]),
    ],
)
def test_a_way_back_by_another_device_loses_what_a_strict_filter_drops(
    strict: int, drops: int, expected: list[tuple[str, str, list[str]]]
) -> None:
    crossing = Crossing(reverse_path=strict, reverse_path_drops=drops)
    assert found(crossing, far=FAR) == expected
    assert found(crossing) == []


def test_of_an_address_on_the_loopback_device_the_way_in_is_not_known() -> None:
    assert found(Crossing(reverse_path=1, reverse_path_drops=5), far=FAR, addresses={"192.0.2.1": "lo"}) == []


def test_another_source_address_follows_from_another_device() -> None:
    assert found(far=Route("eth1", "198.51.100.1")) == [("route-asymmetric", "192.0.2.3", ["route-source"])]


def test_the_address_of_another_host_here_and_ours_elsewhere_are_duplicates() -> None:
    here = {"192.0.2.1": "eth0", "192.0.2.3": "lo"}
    assert found(addresses=here, far=Route("lo", "192.0.2.3")) == [("vtep-duplicate", "192.0.2.3", ["route-source"])]
    assert found(Crossing(claimants=("02:00:00:00:00:09",))) == [("vtep-duplicate", "192.0.2.1", [])]


def test_drops_are_read_by_the_name_of_their_column() -> None:
    text = "TcpExt: SyncookiesSent IPReversePathFilter PAWSPassive\nTcpExt: 1 27 3\nIpExt: InOctets\nIpExt: 9\n"
    assert reverse_path_drops(text) == 27
    assert reverse_path_drops("") == 0
    assert reverse_path_drops("TcpExt: SyncookiesSent\nTcpExt: 1\n") == 0

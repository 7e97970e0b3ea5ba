"""Every fault made by hand on a real host is named by its code, nothing else is, and it is gone after the cure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.contract.laws import settle
from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns
from tests.kernel.told_host import REMOTE, TAP, WANTED, told_host
from vxloom.doctor.diagnosis import diagnose
from vxloom.doctor.gather import gather
from vxloom.settings import AgentSettings

AGENT = "agent-stopped"
FAULTS: dict[str, tuple[str, set[str], str]] = {
    "VXLAN device deleted": ("ip link del vxlan5001", {"device-missing"}, ""),
    "learning": ("ip link set vxlan5001 type vxlan learning", {"learning-on"}, ""),
    "port learns": ("bridge link set dev vxlan5001 learning on", {"learning-on"}, ""),
    "no suppression": ("bridge link set dev vxlan5001 neigh_suppress off", {"suppression-off"}, ""),
    "device down": ("ip link set vxlan5001 down", {"device-changed"}, ""),
    "bridge MTU": ("ip link set brvx-5001 mtu 1300", {"device-changed"}, ""),
    "FDB row": (f"bridge fdb del {REMOTE} dev vxlan5001 self", {"fdb-missing"}, ""),
    "FDB row of the bridge": (f"bridge fdb del {REMOTE} dev vxlan5001 master", {"fdb-missing"}, ""),
    "another VTEP": (f"bridge fdb replace {REMOTE} dev vxlan5001 dst 192.0.2.9 self static", {"fdb-wrong-vtep"}, ""),
    "a strange MAC": ("bridge fdb add 02:00:00:00:00:77 dev vxlan5001 dst 192.0.2.9 self static", {"fdb-extra"}, ""),
    "flood entry": ("bridge fdb del 00:00:00:00:00:00 dev vxlan5001 dst 192.0.2.2 self", {"flood-missing"}, ""),
    "a strange VTEP": ("bridge fdb append 00:00:00:00:00:00 dev vxlan5001 dst 192.0.2.9", {"flood-extra"}, ""),
    "neighbour": ("ip neigh del 10.1.1.3 dev brvx-5001", {"neighbour-missing"}, ""),
    "filters flushed": ("nft flush table bridge vxloom", {"filters-changed"}, ""),
    "allow table flushed": ("nft flush table inet vxloom", {"allow-list-changed"}, ""),
    "a VTEP let in": ("nft add element inet vxloom vteps4 { 0x138900 . 0xc0000242 }", {"allow-list-changed"}, ""),
    "tap taken off": (f"ip link set {TAP} nomaster", {"tap-detached"}, ""),
    "tap unlocked": (f"bridge link set dev {TAP} locked off", {"tap-changed"}, ""),
    "foreign port": ("ip link add stranger master brvx-5001 type veth peer far", {"foreign-port"}, "ip link del stranger"),
    "VTEP's address gone": ("ip address del 192.0.2.1/24 dev underlay", {"vtep-address-gone"}, "ip address add 192.0.2.1/24 dev underlay"),
    "no route": (
        "ip route add unreachable 192.0.2.3/32",
        {"route-missing"},
        "ip route del unreachable 192.0.2.3/32",
    ),
    "underlay too small": ("ip link set underlay mtu 1450", {"underlay-mtu-low"}, "ip link set underlay mtu 1500"),
    "a route's MTU": (
        "ip route add 192.0.2.3/32 dev underlay src 192.0.2.1 mtu 1400",
        {"path-mtu-low"},
        "ip route del 192.0.2.3/32",
    ),
}


@pytest.fixture
def host(netns: Netns, tmp_path: Path) -> Iterator[KernelBench]:
    """Host 1 of three as its agent left it; the agent itself does not run."""
    with told_host(netns, tmp_path / "agent") as bench:
        yield bench


def codes(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """Return code → what hangs on it, for host 1."""
    return {finding.code: finding.explains for finding in diagnose(gather(AgentSettings(name="h1", state_dir=tmp_path / "agent")))}


def test_a_host_as_it_should_be_has_no_finding_but_that_nobody_keeps_it_so(host: KernelBench, tmp_path: Path) -> None:
    assert codes(tmp_path) == {AGENT: ()}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_gone_after_the_cure(host: KernelBench, netns: Netns, tmp_path: Path, name: str) -> None:
    breakage, expected, cure = FAULTS[name]
    netns.run(*breakage.split())
    found = codes(tmp_path)
    below = {text.split()[0] for text in found.get(AGENT, ())}
    assert set(found) - {AGENT} | below - _consequences(below, expected) == expected
    if cure:
        netns.run(*cure.split())
    settle(host, WANTED)
    assert codes(tmp_path) == {AGENT: ()}


def _consequences(below: set[str], expected: set[str]) -> set[str]:
    """Return what follows from the expected codes: it may stand beside them below the agent."""
    from vxloom.doctor.check import faults

    return {code for code in below if any(code in faults()[cause].explains for cause in expected)}


def test_a_host_without_a_word_of_a_server_is_looked_at_as_well(netns: Netns, tmp_path: Path) -> None:
    assert codes(tmp_path) == {}


def test_a_foreign_device_on_our_vni_is_named_with_what_follows(host: KernelBench, netns: Netns, tmp_path: Path) -> None:
    netns.run("ip", "link", "del", "vxlan5001")
    netns.run(*["ip", "link", "add", "other", "type", "vxlan", "id", "5001", "dstport", "4789"])
    found = codes(tmp_path)
    assert "foreign-vni" in found
    assert any(text.startswith("device-missing") for text in (*found["foreign-vni"], *found[AGENT]))


def test_a_multicast_device_beyond_the_limit_is_named(netns: Netns, tmp_path: Path) -> None:
    netns.run("ip", "link", "add", "underlay", "type", "veth", "peer", "name", "fabric")
    netns.run("ip", "link", "set", "underlay", "up")
    netns.run("ip", "address", "add", "192.0.2.1/24", "dev", "underlay")
    netns.run("sysctl", "-q", "net.ipv4.igmp_max_memberships=2")
    for number in (1, 2, 3):
        netns.run(*f"ip link add vx{number} type vxlan id {number} group 239.0.0.{number} dev underlay dstport 8472".split())
        netns.run("ip", "link", "set", f"vx{number}", "up", check=False)
    assert set(codes(tmp_path)) == {"igmp-limit"}


def test_findings_can_be_written_as_json(host: KernelBench, tmp_path: Path) -> None:
    findings = diagnose(gather(AgentSettings(name="h1", state_dir=tmp_path / "agent")))
    assert msgspec.json.decode(msgspec.json.encode(findings))[0]["code"] == AGENT

"""`vxloom doctor --host` where CloudStack's scripts made the networks and no agent of ours was ever: silent when well, else exact.

Devices are made as modifyvxlan.sh makes them: `vxlan<VNI>` with a multicast group or rows by hand, on `brvx-<VNI>`, a tap on the bridge.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.frames import Cable
from tests.kernel.netns import Netns
from vxloom.doctor.diagnosis import diagnose
from vxloom.doctor.gather import gather
from vxloom.settings import AgentSettings

MAC = "52:54:00:00:00:01"
MULTICAST = "id 5001 group 239.0.19.137 ttl 10 dev eth0 dstport 8472"
UNICAST = "id 5001 local 192.0.2.1 dstport 4789 nolearning"

FAULTS: dict[str, tuple[str, tuple[str, ...], set[str]]] = {
    "underlay too small": (MULTICAST, ("ip link set eth0 mtu 1400",), {"underlay-mtu-low"}),
    "underlay too small for a device without one": (UNICAST, ("ip link set vxlan5001 mtu 1500",), {"underlay-mtu-low"}),
    "another UDP port": (MULTICAST, ("ip link add vxlan5002 type vxlan id 5002 group 239.0.19.138 dev eth0 dstport 4789", *(
        "ip link add brvx-5002 type bridge", "ip link set vxlan5002 master brvx-5002", "ip link set vxlan5002 up",
    )), {"vxlan-ports-mixed"}),
    "off its bridge": (MULTICAST, ("ip link set vxlan5001 nomaster",), {"vxlan-unbridged"}),
    "bridge without": (MULTICAST, ("ip link del vxlan5001",), {"bridge-without-vxlan"}),
    "down": (UNICAST, ("ip link set vxlan5001 down",), {"vxlan-down"}),
    "VNI twice": (UNICAST, ("ip link add old type vxlan id 5001 local 192.0.2.1 dstport 8472",), {"vni-twice"}),
    "no route": (UNICAST, ("ip route add unreachable 192.0.2.7/32",), {"route-missing"}),
    "address gone": (UNICAST, ("ip address add 192.0.2.9/24 dev eth0", "ip address del 192.0.2.1/24 dev eth0"), {"vtep-address-gone"}),
    "learnt here and there": (UNICAST, (f"bridge fdb add {MAC} dev vxlan5001 dst 192.0.2.7 self",), {"mac-learnt-twice"}),
    "firewall": (MULTICAST, (
        "nft add table inet site",
        "nft add chain inet site input { type filter hook input priority 0 ; }",
        "nft add rule inet site input udp dport 8472 drop",
    ), {"firewall-closed"}),
}  # fmt: skip


@pytest.fixture
def host(netns: Netns) -> Netns:
    """A host with an underlay that leaves guests 1450 bytes."""
    for line in (
        "link add eth0 type veth peer name fabric",
        "link set fabric up",
        "link set eth0 up",
        "address add 192.0.2.1/24 dev eth0",
        "link add brvx-5001 type bridge",
        "link set brvx-5001 up",
        "link add vnet0 type veth peer name guest",
        "link set vnet0 master brvx-5001 up",
        "link set guest up",
    ):
        netns.run("ip", *line.split())
    return netns


def network(host: Netns, how: str) -> None:
    """The network's VXLAN device, on its bridge."""
    host.run("ip", "link", "add", "vxlan5001", "mtu", "1450", "type", "vxlan", *how.split())
    host.run("ip", "link", "set", "vxlan5001", "master", "brvx-5001")
    host.run("ip", "link", "set", "vxlan5001", "up")
    if "group" not in how:
        host.run("bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "vxlan5001", "dst", "192.0.2.7")
    with Cable("guest") as cable:  # the bridge learns its MAC
        cable.send(b"\xff" * 6 + bytes.fromhex(MAC.replace(":", "")) + b"\x88\xb5" + bytes(46))


def codes(tmp_path: Path) -> set[str]:
    evidence = gather(AgentSettings(name="h1", state_dir=tmp_path / "none"))
    assert not evidence.unknown
    return {finding.code for finding in diagnose(evidence)}


@pytest.mark.parametrize("how", [MULTICAST, UNICAST], ids=["multicast", "rows by hand"])
def test_a_host_that_others_keep_well_has_no_finding(host: Netns, tmp_path: Path, how: str) -> None:
    network(host, how)
    assert codes(tmp_path) == set()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_network_that_others_made_is_named(host: Netns, tmp_path: Path, name: str) -> None:
    how, breakage, expected = FAULTS[name]
    network(host, how)
    for line in breakage:
        host.run(*line.split())
    assert codes(tmp_path) == expected


def test_the_multicast_limit_explains_the_device_that_is_down(host: Netns, tmp_path: Path) -> None:
    network(host, MULTICAST)
    host.sysctl("net.ipv4.igmp_max_memberships", 1)
    host.run("ip", "link", "add", "brvx-5002", "type", "bridge")
    more = MULTICAST.replace("5001", "5002").replace("137", "138")
    host.run("ip", "link", "add", "vxlan5002", "master", "brvx-5002", "type", "vxlan", *more.split())
    host.run("ip", "link", "set", "vxlan5002", "up", check=False)
    findings = diagnose(gather(AgentSettings(name="h1", state_dir=tmp_path / "none")))
    assert [(finding.code, finding.explains) for finding in findings] == [("igmp-limit", ("vxlan-down vxlan5002",))]


def test_devices_of_other_programs_are_none_of_our_business(host: Netns, tmp_path: Path) -> None:
    network(host, MULTICAST)
    other = "id 1 local 192.0.2.1 dev eth0 dstport 4789 nolearning"
    host.run("ip", "link", "add", "flannel.1", "mtu", "1450", "type", "vxlan", *other.split())
    assert codes(tmp_path) == set()

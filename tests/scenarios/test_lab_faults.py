"""Faults break what they say and no more, and heal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vxloom.errors import ConfigError, VxloomError
from vxloom.lab import Lab, faults


@pytest.fixture
def healed(lab: Lab) -> Iterator[Lab]:
    yield lab
    faults.heal(lab)
    for node in lab.hypervisors:
        assert node.ping(lab.node("mgmt").address)
        assert node.ping(str(lab.node("mgmt").spec.address6))


def test_a_partition_parts_two_nodes_and_no_more(healed: Lab) -> None:
    h1, h2, mgmt = (healed.node(name) for name in ("h1", "h2", "mgmt"))
    faults.cause(healed, "partition", "h1", "h2")
    assert not h1.ping(h2.address, wait=0.2)
    assert not h2.ping(str(h1.spec.address6), wait=0.2)
    assert h1.ping(mgmt.address)
    assert h2.ping(mgmt.address)


def test_a_headless_node_still_reaches_its_peers(healed: Lab) -> None:
    faults.cause(healed, "mgmt-cut", "h1")
    assert not healed.node("h1").ping(healed.node("mgmt").address, wait=0.2)
    assert healed.node("h1").ping(healed.node("h2").address)


def test_a_link_down_is_a_lost_carrier(healed: Lab) -> None:
    faults.cause(healed, "link-down", "h1")
    assert "NO-CARRIER" in healed.node("h1").run(["ip", "link", "show", "eth0"]).stdout
    faults.cause(healed, "link-up", "h1")
    assert healed.node("h1").ping(str(healed.node("h2").spec.address6))


def test_a_narrow_hop_is_told_by_the_router_only(healed: Lab) -> None:
    faults.cause(healed, "path-mtu", "h2", "1400")
    big = ["ping", "-n", "-c1", "-W1", "-M", "do", "-s", "1472", healed.node("h2").address]
    answer = healed.node("h1").run(big, check=False)
    assert "1400" in answer.stdout + answer.stderr
    assert "mtu 1550" in healed.node("h2").run(["ip", "link", "show", "eth0"]).stdout
    faults.heal(healed)
    healed.node("h1").run(["ip", "route", "flush", "cache"])
    assert healed.node("h1").run(big).returncode == 0


def test_a_changed_mtu_is_seen_by_the_node(healed: Lab) -> None:
    faults.cause(healed, "mtu", "h2", "1400")
    assert "mtu 1400" in healed.node("h2").run(["ip", "link", "show", "eth0"]).stdout
    with pytest.raises(ConfigError, match="out of range"):
        faults.cause(healed, "mtu", "h2", "100")


def test_rows_and_devices_are_deleted_as_by_a_careless_hand(lab: Lab) -> None:
    h1, mac = lab.node("h1"), "02:00:00:00:00:01"
    h1.run(["ip", "link", "add", "br0", "type", "bridge"])
    h1.run(["ip", "link", "add", "vxlan7001", "type", "vxlan", "id", "7001", "dstport", "4789", "local", h1.address, "nolearning"])
    h1.run(["ip", "link", "set", "vxlan7001", "master", "br0"])
    h1.run(["bridge", "fdb", "add", mac, "dev", "vxlan7001", "self", "dst", "10.200.2.2"])
    h1.run(["bridge", "fdb", "add", mac, "dev", "vxlan7001", "master", "static"])
    assert faults.cause(lab, "fdb-del", "h1", mac.upper()) == f"2 rows for {mac} deleted on h1"
    assert mac not in h1.run(["bridge", "fdb", "show"]).stdout
    with pytest.raises(VxloomError, match="no forwarding row"):
        faults.cause(lab, "fdb-del", "h1", mac)
    faults.cause(lab, "device-del", "h1", "7001")
    with pytest.raises(VxloomError, match="no VXLAN device with VNI 7001"):
        faults.cause(lab, "device-del", "h1", "7001")
    h1.run(["ip", "link", "del", "br0"])


def test_healing_starts_what_was_killed(lab: Lab) -> None:
    lab.start_process("h1", "agent", ["sleep", "3600"])
    faults.cause(lab, "kill-agent", "h1")
    assert not lab.process("h1", "agent").running
    assert "agent on h1" in faults.heal(lab)
    assert lab.process("h1", "agent").running
    lab.kill("h1", "agent")

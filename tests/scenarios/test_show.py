"""`vxloom show` on a lab of real kernels: as `ip` and `bridge` tell it there, with names; what differs is marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from click.testing import CliRunner

from tests.scenarios.clouds import Cloud, Guest, Network, running
from tests.waiting import wait_until
from vxloom.cli.main import cli
from vxloom.lab import faults
from vxloom.lab.node import Node

FLOOD = "00:00:00:00:00:00"
VIEWS = ("vteps", "vnis", "fdb", "ports", "bridges", "bum")
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(2) as made:
        yield made


@pytest.fixture(scope="module")
def guests(cloud: Cloud) -> list[Guest]:
    """A network with a guest on each host."""
    return cloud.guests(cloud.network(), "h1", "h2")


@pytest.fixture(scope="module")
def network(cloud: Cloud, guests: list[Guest]) -> Network:
    return cloud.only_network()


def told(cloud: Cloud, view: str, **only: object) -> dict[str, Any]:
    return cast("dict[str, Any]", cloud.call("vxloomShow", view=view, **only)["show"])


def shown(cloud: Cloud, view: str, host: str = "", **only: object) -> Rows:
    """Return the rows of a view (of one host) as the server tells them."""
    return [row for row in told(cloud, view, **only)["row"] if host in {"", row["host"]}]


def on_itself(node: Node, view: str, *more: str) -> Rows:
    """Return the rows of a view as a host tells them without the server."""
    return cast("Rows", json.loads(node.run(["vxloom", "show", view, "--host", "--output", "json", *more]).stdout)["row"])


def of_kernel(node: Node, *command: str) -> Rows:
    return cast("Rows", json.loads(node.run(list(command)).stdout))


def test_every_view_says_what_the_kernels_say(cloud: Cloud, guests: list[Guest], network: Network) -> None:
    for guest in guests:
        node, host = guest.node, guest.host
        ports = {link["ifname"]: link for link in of_kernel(node, "bridge", "-j", "-d", "link")}
        [vxlan] = of_kernel(node, "ip", "-j", "-d", "link", "show", "type", "vxlan")
        [bridge] = of_kernel(node, "ip", "-j", "-d", "link", "show", "type", "bridge")
        fdb = [row for row in of_kernel(node, "bridge", "-j", "fdb", "show") if "master" in row or row["ifname"] == vxlan["ifname"]]
        data = vxlan["linkinfo"]["info_data"]

        [device] = shown(cloud, "vnis", host)
        names = ("vni", "device", "bridge", "vtep", "udp_port", "mtu", "up")
        kernel = (data["id"], vxlan["ifname"], vxlan["master"], data["local"], data["port"], vxlan["mtu"], "UP" in vxlan["flags"])
        assert tuple(device[name] for name in names) == kernel
        [row] = shown(cloud, "bridges", host)
        assert (row["bridge"], row["mac"], row["mtu"], row["ports"]) == (bridge["ifname"], bridge["address"], bridge["mtu"], len(ports))
        assert {row["device"] for row in shown(cloud, "ports", host)} == set(ports)
        assert {row["vtep"] for row in shown(cloud, "bum", host)} == {row["dst"] for row in fdb if row["mac"] == FLOOD}
        unicast = {(row["ifname"], row["mac"]) for row in fdb if row["mac"] != FLOOD}
        assert {(row["device"], row["mac"]) for row in shown(cloud, "fdb", host)} == unicast
        remote = {(row["mac"], row["dst"]) for row in fdb if row["mac"] != FLOOD and "dst" in row}
        assert {(row["mac"], row["vtep"]) for row in shown(cloud, "fdb", host) if "vtep" in row} == remote
        vteps = {data["local"]: "own", **{vtep: "remote" for _, vtep in remote}}
        assert {row["vtep"]: row["kind"] for row in shown(cloud, "vteps", host)} == vteps
    for view in VIEWS:
        assert not [row for row in shown(cloud, view) if "drift" in row], view


def test_rows_carry_the_names_of_tenants_networks_machines_and_hosts(cloud: Cloud, guests: list[Guest], network: Network) -> None:
    one, two = guests
    for view in ("vnis", "fdb", "ports", "bridges", "bum"):
        assert {(row["network"], row["account"], row["domain"]) for row in shown(cloud, view)} == {(network.name, "admin", "ROOT")}
    [row] = shown(cloud, "fdb", one.host, vm=two.name)
    assert (row["mac"], row["vm"], row["remote_host"]) == (two.mac, two.name, two.host)
    [row] = shown(cloud, "ports", vm=one.name)
    assert (row["host"], row["device"], row["nic"], row["vm"]) == (one.host, one.tap, one.nic, one.name)
    assert {row["host"] for row in shown(cloud, "vnis", network=network.name)} == {"h1", "h2"}
    assert {row.get("remote_host") for row in shown(cloud, "vteps", vni=network.vni)} == {"h1", "h2"}
    [row] = on_itself(one.node, "ports", "--mac", one.mac)  # the host alone knows no names
    assert (row["nic"], "vm" in row) == (one.nic, False)


def test_what_is_not_ours_is_shown_beside_what_is(cloud: Cloud, guests: list[Guest], network: Network) -> None:
    node = guests[0].node
    node.run(f"ip link add stranger master {network.bridge} type veth peer far".split())
    node.run(["ip", "link", "add", "vx9", "type", "vxlan", "id", "9", "dstport", "8472"])

    def ports() -> dict[str, str]:
        return {row["device"]: row["detail"] for row in shown(cloud, "ports", "h1") if row.get("drift") == "foreign"}

    wait_until(lambda: ports() == {"stranger": "locked: nothing it sends passes"}, "the agent locks the strange port")
    [foreign] = [row for row in shown(cloud, "vnis") if "drift" in row]
    assert (foreign["host"], foreign["vni"], foreign["device"], foreign["drift"]) == ("h1", 9, "vx9", "foreign")
    node.run(["ip", "link", "del", "stranger"])
    node.run(["ip", "link", "del", "vx9"])
    assert not [row for view in VIEWS for row in shown(cloud, view) if "drift" in row]


def _told_apart(row: dict[str, Any]) -> str:
    return str(row.get("mac") or row.get("vtep") or row["device"])


def test_drift_is_marked_while_the_agent_is_frozen_and_the_host_is_named(cloud: Cloud, guests: list[Guest], network: Network) -> None:
    one, two = guests
    node = two.node
    faults.cause(cloud.lab, "freeze-agent", "h2")
    wait_until(lambda: not cloud.connected("h2"), "the server has given the host up")
    for command in (
        f"bridge fdb replace {one.mac} dev {network.vxlan} dst 10.200.9.9 self static",
        f"bridge fdb add 02:00:00:00:00:77 dev {network.vxlan} dst 10.200.9.8 self static",
        f"bridge fdb del {FLOOD} dev {network.vxlan} dst {one.node.address} self",
        f"bridge fdb append {FLOOD} dev {network.vxlan} dst 10.200.9.9",
        f"bridge fdb add 02:00:00:00:00:88 dev {network.vxlan} master dynamic",
        f"ip link set {two.tap} nomaster",
        f"ip link set {network.bridge} mtu 1300",
    ):
        node.run(command.split())
    drift = {view: {_told_apart(row): row.get("drift", "") for row in on_itself(node, view)} for view in VIEWS}
    assert drift["fdb"].items() >= {
        (one.mac, "wrong"),
        (two.mac, "missing"),
        ("02:00:00:00:00:77", "extra"),
        ("02:00:00:00:00:88", "foreign"),
    }
    assert drift["bum"] == {one.node.address: "missing", "10.200.9.9": "extra"}
    assert drift["vteps"] == {node.address: "", one.node.address: "missing", "10.200.9.9": "wrong", "10.200.9.8": "extra"}
    assert drift["ports"][two.mac] == "missing"
    assert set(drift["bridges"].values()) == {"wrong"}

    away = told(cloud, "fdb")
    assert [row["host"] for row in away["silent"]] == ["h2"]
    assert {row["host"] for row in away["row"]} == {"h1"}
    done = CliRunner().invoke(cli, ["show", "vteps"], env=cloud.lab.environment())
    assert done.exit_code == 1
    assert "not shown: h2 (its agent has no stream to the server)" in done.output
    assert "2 hosts: " in done.output

    faults.heal(cloud.lab)
    wait_until(lambda: cloud.connected("h2") and cloud.in_step("h2"), "the agent has put it right")
    assert not [row for view in VIEWS for row in shown(cloud, view) if row.get("drift", "foreign") != "foreign"]

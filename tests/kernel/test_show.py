"""`vxloom show --host` on a real kernel: as `ip` and `bridge` tell it, every drift marked where it is, a stranger's host shown, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.laws import settle
from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns
from tests.kernel.told_host import REMOTE, TAP, WANTED, told_host
from vxloom.doctor.show import show
from vxloom.model.show import Query, Row, Shown, View
from vxloom.settings import AgentSettings

STRANGE = "02:00:00:00:00:77"
FLOOD = "00:00:00:00:00:00"
BY = {View.VTEPS: "vtep", View.VNIS: "device", View.FDB: "mac", View.PORTS: "device", View.BRIDGES: "bridge", View.BUM: "vtep"}
"""What tells rows of a view apart in this small host."""
Marks = dict[tuple[View, str], str]
DRIFTS: dict[str, tuple[str, Marks]] = {
    "VXLAN device deleted": (
        "ip link del vxlan5001",
        {
            (View.VNIS, "vxlan5001"): "missing",
            (View.FDB, REMOTE): "missing",
            (View.FDB, "02:00:00:00:00:04"): "missing",
            (View.BUM, "192.0.2.2"): "missing",
            (View.BUM, "192.0.2.3"): "missing",
            (View.VTEPS, "192.0.2.2"): "missing",
            (View.VTEPS, "192.0.2.3"): "missing",
        },
    ),
    "wrong MTU": ("ip link set vxlan5001 mtu 1300", {(View.VNIS, "vxlan5001"): "wrong", (View.PORTS, "vxlan5001"): "wrong"}),
    "port learns": (
        "bridge link set dev vxlan5001 learning on",
        {(View.VNIS, "vxlan5001"): "wrong", (View.PORTS, "vxlan5001"): "wrong"},
    ),
    "bridge MTU": ("ip link set brvx-5001 mtu 1300", {(View.BRIDGES, "brvx-5001"): "wrong"}),
    "neighbour": ("ip neigh del 10.1.1.3 dev brvx-5001", {(View.BRIDGES, "brvx-5001"): "wrong"}),
    "FDB row": (f"bridge fdb del {REMOTE} dev vxlan5001 self", {(View.FDB, REMOTE): "missing", (View.VTEPS, "192.0.2.2"): "wrong"}),
    "FDB row of the bridge": (
        f"bridge fdb del {REMOTE} dev vxlan5001 master",
        {(View.FDB, REMOTE): "wrong", (View.VTEPS, "192.0.2.2"): "wrong"},
    ),
    "another VTEP": (
        f"bridge fdb replace {REMOTE} dev vxlan5001 dst 192.0.2.9 self static",
        {(View.FDB, REMOTE): "wrong", (View.VTEPS, "192.0.2.9"): "wrong"},
    ),
    "a strange MAC": (
        f"bridge fdb add {STRANGE} dev vxlan5001 dst 192.0.2.9 self static",
        {(View.FDB, STRANGE): "extra", (View.VTEPS, "192.0.2.9"): "extra"},
    ),
    "a strange MAC on the bridge": (f"bridge fdb add {STRANGE} dev vxlan5001 master static", {(View.FDB, STRANGE): "extra"}),
    "a learnt MAC": (f"bridge fdb add {STRANGE} dev vxlan5001 master dynamic", {(View.FDB, STRANGE): "foreign"}),
    "a MAC that FRR learnt": (
        f"bridge fdb add {STRANGE} dev vxlan5001 dst 192.0.2.9 self extern_learn",
        {(View.FDB, STRANGE): "foreign", (View.VTEPS, "192.0.2.9"): "foreign"},
    ),
    "flood entry": (
        f"bridge fdb del {FLOOD} dev vxlan5001 dst 192.0.2.2 self",
        {(View.BUM, "192.0.2.2"): "missing", (View.VTEPS, "192.0.2.2"): "wrong"},
    ),
    "a strange VTEP": (
        f"bridge fdb append {FLOOD} dev vxlan5001 dst 192.0.2.9",
        {(View.BUM, "192.0.2.9"): "extra", (View.VTEPS, "192.0.2.9"): "extra"},
    ),
    "tap taken off": (f"ip link set {TAP} nomaster", {(View.PORTS, TAP): "missing", (View.FDB, "02:00:00:00:00:01"): "missing"}),
    "tap unlocked": (f"bridge link set dev {TAP} locked off", {(View.PORTS, TAP): "wrong"}),
    "a MAC beside the tap's": (
        f"bridge fdb add {STRANGE} dev {TAP} master static",
        {(View.PORTS, TAP): "wrong", (View.FDB, STRANGE): "extra"},
    ),
    "the tap's MAC is loose": (
        f"bridge fdb replace 02:00:00:00:00:01 dev {TAP} master static",
        {(View.PORTS, TAP): "wrong", (View.FDB, "02:00:00:00:00:01"): "wrong"},
    ),
    "foreign port": (
        "ip link add stranger address 02:00:00:00:aa:01 master brvx-5001 type veth peer far",
        {(View.PORTS, "stranger"): "foreign", (View.FDB, "02:00:00:00:aa:01"): "foreign"},
    ),
    "foreign device": (
        "ip link add vx9 type vxlan id 9 local 192.0.2.1 dstport 8472 group 239.0.0.9 dev underlay",
        {(View.VNIS, "vx9"): "foreign", (View.BUM, "239.0.0.9"): "foreign", (View.VTEPS, "239.0.0.9"): "foreign"},
    ),
    "foreign bridge": (
        "ip link add virbr0 address 02:00:00:00:aa:02 type bridge",
        {(View.BRIDGES, "virbr0"): "foreign", (View.FDB, "02:00:00:00:aa:02"): "foreign"},
    ),
}


@pytest.fixture
def host(netns: Netns, tmp_path: Path) -> Iterator[KernelBench]:
    """Host 1 of three; no agent repairs what a test breaks."""
    with told_host(netns, tmp_path / "agent") as bench:
        yield bench


def look(folder: Path, view: View, **only: Any) -> Shown:
    return show(AgentSettings(name="h1", state_dir=folder / "agent"), Query(view, **only))


def marks(folder: Path) -> Marks:
    """Return what is marked, in all views, and check that it is counted."""
    found: Marks = {}
    for view in View:
        told = look(folder, view)
        assert sum(told.drift.values()) == sum(bool(row.drift) for row in told.rows)
        found |= {(view, getattr(row, BY[view])): str(row.drift) for row in told.rows if row.drift}
    return found


@pytest.mark.parametrize("name", DRIFTS)
def test_what_differs_is_marked_where_it_is_and_nothing_else(host: KernelBench, netns: Netns, tmp_path: Path, name: str) -> None:
    assert marks(tmp_path) == {}
    breakage, expected = DRIFTS[name]
    netns.run(*breakage.split())
    assert marks(tmp_path) == expected


def test_a_row_that_is_masked_by_a_learnt_one_is_there_by_half(host: KernelBench, netns: Netns, tmp_path: Path) -> None:
    netns.run(*["ip", "link", "add", "stranger", "up", "master", "brvx-5001", "type", "veth", "peer", "far"])
    netns.run("ip", "link", "set", "far", "up")
    netns.run(*f"bridge fdb replace {REMOTE} dev stranger master dynamic".split())
    told = {(row.device, row.kind, row.tables): str(row.drift) for row in look(tmp_path, View.FDB, macs=(REMOTE,)).rows}
    assert told == {("vxlan5001", "static", "vxlan"): "wrong", ("stranger", "learnt", "bridge"): "foreign"}


def test_what_is_wanted_instead_is_told(host: KernelBench, netns: Netns, tmp_path: Path) -> None:
    netns.run(*f"bridge fdb replace {REMOTE} dev vxlan5001 dst 192.0.2.9 self static".split())
    netns.run("ip", "link", "set", "vxlan5001", "mtu", "1300")
    [wrong] = [row for row in look(tmp_path, View.FDB).rows if row.drift]
    assert (wrong.vtep, wrong.detail) == ("192.0.2.9", "wanted at 192.0.2.2")
    [device] = look(tmp_path, View.VNIS).rows
    assert device.detail == "mtu 1300 → 1450"


def test_a_foreign_holder_of_our_vni_is_shown_beside_what_waits_for_it(host: KernelBench, netns: Netns, tmp_path: Path) -> None:
    netns.run("ip", "link", "del", "vxlan5001")
    netns.run(*["ip", "link", "add", "other", "type", "vxlan", "id", "5001", "dstport", "4789"])
    rows = {row.device: row for row in look(tmp_path, View.VNIS).rows}
    assert {name: str(row.drift) for name, row in rows.items()} == {"other": "foreign", "vxlan5001": "missing"}
    assert rows["vxlan5001"].detail == "waits: vxlan other has its vni"
    netns.run("ip", "link", "del", "other")
    settle(host, WANTED)
    assert marks(tmp_path) == {}


def rows(folder: Path, view: View) -> list[Row]:
    return look(folder, view).rows


def test_views_tell_what_ip_and_bridge_tell(host: KernelBench, netns: Netns, tmp_path: Path) -> None:
    links = {link["ifname"]: link for link in json.loads(netns.run("ip", "-j", "-d", "link"))}
    ports = {link["ifname"]: link for link in json.loads(netns.run("bridge", "-j", "-d", "link"))}
    fdb = [row for row in json.loads(netns.run("bridge", "-j", "fdb")) if "master" in row or row["ifname"].startswith("vxlan")]

    [device] = rows(tmp_path, View.VNIS)
    told = links["vxlan5001"]["linkinfo"]["info_data"]
    assert (device.vni, device.vtep, device.udp_port, device.mtu) == (told["id"], told["local"], told["port"], links["vxlan5001"]["mtu"])
    assert (device.up, device.bridge, device.flags) == (True, links["vxlan5001"]["master"], ("df",))
    assert (told["learning"], told["df"]) == (False, "set")

    [bridge] = rows(tmp_path, View.BRIDGES)
    assert (bridge.bridge, bridge.mac, bridge.ports) == ("brvx-5001", links["brvx-5001"]["address"], len(ports))
    assert bridge.neighbours == len(json.loads(netns.run("ip", "-j", "neigh", "show", "nud", "permanent", "dev", "brvx-5001")))

    flags = {row.device: set(row.flags) for row in rows(tmp_path, View.PORTS)}
    names = ("locked", "learning", "flood", "mcast_flood", "bcast_flood", "neigh_suppress", "isolated")
    assert flags == {name: {*(flag for flag in names if link[flag]), link["state"]} - {"forwarding"} for name, link in ports.items()}

    unicast = {(row.device, row.mac, row.vtep) for row in rows(tmp_path, View.FDB)}
    assert unicast == {
        (row["ifname"], row["mac"], row.get("dst") or next((o["dst"] for o in fdb if o["mac"] == row["mac"] and "dst" in o), ""))
        for row in fdb
        if row["mac"] != FLOOD
    }
    kinds = {row.mac: (row.kind, row.tables) for row in rows(tmp_path, View.FDB)}
    assert kinds[REMOTE] == ("static", "vxlan+bridge")
    assert kinds["02:00:00:00:00:01"] == ("static", "bridge")
    assert kinds[links["vxlan5001"]["address"]] == ("local", "bridge")

    flood = {row["dst"] for row in fdb if row["mac"] == FLOOD}
    assert {row.vtep for row in rows(tmp_path, View.BUM)} == flood == {"192.0.2.2", "192.0.2.3"}
    vteps = {(row.vtep, row.kind, row.vnis, row.macs) for row in rows(tmp_path, View.VTEPS)}
    assert vteps == {("192.0.2.1", "own", 1, None), ("192.0.2.2", "remote", 1, 1), ("192.0.2.3", "remote", 1, 1)}


def test_a_view_is_narrowed(host: KernelBench, netns: Netns, tmp_path: Path) -> None:
    netns.run(*["ip", "link", "add", "vx9", "type", "vxlan", "id", "9", "dstport", "8472"])
    assert {row.vni for row in look(tmp_path, View.VNIS, vnis=(9,)).rows} == {9}
    assert [row.mac for row in look(tmp_path, View.FDB, macs=(REMOTE,)).rows] == [REMOTE]
    assert [row.device for row in look(tmp_path, View.PORTS, macs=("02:00:00:00:00:01",)).rows] == [TAP]
    assert look(tmp_path, View.PORTS, macs=(REMOTE,)).rows == []  # it is on no port here
    assert [row.vtep for row in look(tmp_path, View.VTEPS, macs=(REMOTE,)).rows if row.kind == "remote"] == ["192.0.2.2"]
    for view in (View.VNIS, View.BRIDGES, View.BUM):
        assert {row.vni for row in look(tmp_path, view, macs=(REMOTE,)).rows} == {5001}
        assert look(tmp_path, view, macs=(STRANGE,)).rows == []
    told = look(tmp_path, View.FDB, limit=2)
    assert (len(told.rows), told.total) == (2, len(rows(tmp_path, View.FDB)))


def test_on_a_host_of_somebody_elses_everything_is_shown_as_foreign(netns: Netns, tmp_path: Path) -> None:
    """A host as CloudStack's own script leaves it (modifyvxlan.sh), with a machine that libvirt started."""
    netns.run("ip", "link", "add", "cloudbr0", "type", "veth", "peer", "name", "fabric")
    netns.run("ip", "address", "add", "192.0.2.1/24", "dev", "cloudbr0")
    netns.run(
        *[
            "ip",
            "link",
            "add",
            "vxlan5001",
            "type",
            "vxlan",
            "id",
            "5001",
            "group",
            "239.0.19.137",
            "ttl",
            "10",
            "dev",
            "cloudbr0",
            "dstport",
            "8472",
        ]
    )
    netns.run("ip", "link", "add", "brvx-5001", "type", "bridge")
    netns.run("ip", "link", "set", "vxlan5001", "master", "brvx-5001")
    netns.run("ip", "link", "add", "vnet0", "address", "fe:00:00:00:00:01", "master", "brvx-5001", "type", "veth", "peer", "inside")
    netns.run(*f"bridge fdb add {REMOTE} dev vxlan5001 dst 192.0.2.2 self dynamic".split())
    found = {view: {getattr(row, BY[view]): row for row in rows(tmp_path, view)} for view in View}
    assert set(found[View.VNIS]) == {"vxlan5001"}
    assert set(found[View.BRIDGES]) == {"brvx-5001"}
    assert set(found[View.PORTS]) == {"vxlan5001", "vnet0"}
    assert set(found[View.BUM]) == {"239.0.19.137"}
    assert found[View.FDB][REMOTE].kind == "learnt"
    assert {str(row.drift) for rows_ in found.values() for row in rows_.values()} == {"foreign"}
    assert found[View.PORTS]["vnet0"].vni == 5001
    assert "learning" in found[View.VNIS]["vxlan5001"].flags
    assert "nothing to compare with" in look(tmp_path, View.VNIS).note
    assert not (tmp_path / "agent").exists()

"""Why two machines cannot talk, told from the kernels of a lab: each place broken by hand, and named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.scenarios.clouds import Cloud, Guest, running
from tests.waiting import wait_until
from vxloom.lab import faults

Told = dict[str, Any]


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(2) as made:
        yield made


@pytest.fixture(scope="module")
def guests(cloud: Cloud) -> list[Guest]:
    """Two on two hosts, a third beside the first."""
    network = cloud.network()
    return [*cloud.guests(network, "h1", "h2"), cloud.guest(network, "h1", "10.1.1.13")]


@pytest.fixture
def healed(cloud: Cloud) -> Iterator[Cloud]:
    yield cloud
    faults.heal(cloud.lab)
    wait_until(lambda: all(cloud.connected(host) for host in cloud.hosts) and cloud.in_step(), "the agents have put everything right")


def why(cloud: Cloud, one: str, other: str, **parameters: object) -> Told:
    """Ask the server."""
    return cast("Told", cloud.call("vxloomWhy", **{"from": one, "to": other}, **parameters)["why"])


def here(cloud: Cloud, host: str, one: str, other: str) -> Told:
    """Ask on the host itself, as a person does when its agent is of no use."""
    done = cloud.lab.node(host).run(["vxloom", "why", "--host", one, other, "--output", "json"], check=False)
    told = cast("Told", json.loads(done.stdout))
    assert done.returncode == int(told["reach"] != "yes"), done.stderr
    return told


def standing(told: Told, *wanted: str) -> list[tuple[str, str, str]]:
    """Return (host, first word of the place, code) of the steps of the first way that stand so."""
    return [(s["host"], s["place"].split()[0], s.get("code", "")) for s in told["ways"][0]["steps"] if s["standing"] in wanted]


def test_two_hosts_that_are_well(cloud: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    told = why(cloud, one.name, other.id)
    assert told["sentence"] == f"{one.name} can reach {other.name}, as far as both kernels tell"
    assert [len(standing(told, kind)) for kind in ("ok", "not looked at")] == [13, 1]
    assert one.ping(other.ip)


def test_one_host_that_is_well(cloud: Cloud, guests: list[Guest]) -> None:
    one, _, beside = guests
    told = why(cloud, one.name.upper(), beside.name)
    assert told["sentence"] == f"{one.name} can reach {beside.name}"
    assert [place for _, place, _ in standing(told, "ok")] == ["tap", "filter", "bridge", "tap"]


def test_each_half_of_the_way_is_told_by_its_host_alone(cloud: Cloud, guests: list[Guest]) -> None:
    one, other, beside = guests
    assert here(cloud, "h1", one.name, other.ip)["sentence"] == f"as far as h1 goes, {one.name} can reach {other.ip}"
    assert here(cloud, "h1", one.name, other.mac)["reach"] == "yes"
    assert here(cloud, "h2", one.ip, other.name)["sentence"] == f"as far as h2 goes, {one.ip} can reach {other.name}"
    assert here(cloud, "h1", one.ip, beside.name)["sentence"] == f"{one.name} can reach {beside.name}"


def test_a_missing_fdb_entry_is_named_with_who_would_repair_it(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    faults.cause(healed.lab, "freeze-agent", "h1")
    faults.cause(healed.lab, "fdb-del", "h1", other.mac)
    told = here(healed, "h1", one.name, other.ip)
    assert standing(told, "broken") == [("h1", "FDB", "fdb-missing")]
    assert told["sentence"].startswith(f"{one.name} cannot reach {other.ip}: on h1, FDB of vxlan")
    assert f"lacks {other.ip}'s MAC {other.mac}" in told["sentence"]
    assert "the agent of h1 is frozen: systemctl restart vxloom-agent" in told["sentence"]
    assert not one.ping(other.ip, count=1, wait=0.3)


def test_a_missing_flood_entry_keeps_broadcast_at_home(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    node, device = healed.lab.node("h1"), vxlan(one)
    faults.cause(healed.lab, "freeze-agent", "h1")
    node.run(["bridge", "fdb", "del", "00:00:00:00:00:00", "dev", device, "dst", healed.lab.node("h2").address, "self"])
    told = here(healed, "h1", one.name, other.ip)
    assert told["reach"] == "yes"
    assert standing(told, "impaired") == [("h1", "flood", "flood-missing")]
    assert "broadcast and multicast do not reach" in told["sentence"]
    assert one.ping(other.ip)


def vxlan(guest: Guest) -> str:
    """Return the VXLAN device of a guest's segment."""
    shown = json.loads(guest.node.run(["ip", "-j", "link", "show", guest.tap]).stdout)
    return str(shown[0]["master"]).replace("brvx-", "vxlan")


def test_flushed_filters_are_told_and_what_the_ports_keep_out_is_not_doubted(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    faults.cause(healed.lab, "freeze-agent", "h1")
    healed.lab.node("h1").run(["nft", "delete", "table", "bridge", "vxloom"])
    told = here(healed, "h1", one.name, other.ip)
    assert (told["reach"], standing(told, "impaired")) == ("yes", [("h1", "filter", "filters-changed")])
    assert one.ping(other.ip)


def test_a_filter_that_does_not_know_the_port_lets_nothing_out(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    faults.cause(healed.lab, "freeze-agent", "h1")
    for kind, name in (("set", "senders"), ("map", "ports")):
        healed.lab.node("h1").run(["nft", "flush", kind, "bridge", "vxloom", name])
    told = here(healed, "h1", one.name, other.ip)
    assert (told["reach"], standing(told, "broken")) == ("no", [("h1", "filter", "filters-changed")])
    assert not one.ping(other.ip, count=1, wait=0.3)


def test_a_tap_off_its_bridge_is_named(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    faults.cause(healed.lab, "freeze-agent", "h1")
    healed.lab.node("h1").run(["ip", "link", "set", one.tap, "nomaster"])
    told = here(healed, "h1", one.name, other.ip)
    assert (told["reach"], standing(told, "broken")) == ("no", [("h1", "tap", "tap-detached")])
    assert not one.ping(other.ip, count=1, wait=0.3)


def test_a_card_that_is_down_inside_the_guest_is_named(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    other.place.run(["ip", "link", "set", "eth0", "down"])
    told = why(healed, one.name, other.name)
    other.place.run(["ip", "link", "set", "eth0", "up"])
    assert ("h2", "tap", "") in standing(told, "broken")
    assert "nobody is at its other end" in told["sentence"]


def test_a_rule_of_the_hosts_own_is_named(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    node = healed.lab.node("h2")
    node.run(
        ["nft", "add table inet fw; add chain inet fw in { type filter hook input priority 0; }; add rule inet fw in udp dport 4789 drop"]
    )
    told = why(healed, one.name, other.name)
    assert not one.ping(other.ip, count=1, wait=0.3)
    node.run(["nft", "delete", "table", "inet", "fw"])
    assert standing(told, "broken") == [("h2", "firewall,", "")]
    assert "on h2, firewall, inward: inet fw in drops UDP port 4789" in told["sentence"]


def test_a_route_that_leads_nowhere_is_named(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    node, vtep = healed.lab.node("h1"), healed.lab.node("h2").address
    node.run(["ip", "route", "add", "unreachable", vtep])
    told = why(healed, one.name, other.name)
    node.run(["ip", "route", "del", "unreachable", vtep])
    assert standing(told, "broken") == [("h1", "route", "route-missing")]


def test_what_a_foreign_device_holds_is_named(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    node, device = healed.lab.node("h1"), vxlan(one)
    vni = device.removeprefix("vxlan")
    faults.cause(healed.lab, "freeze-agent", "h1")
    node.run(["ip", "link", "del", device])
    node.run(["ip", "link", "add", "old", "type", "vxlan", "id", vni, "dstport", "4789", "local", node.address])
    faults.heal(healed.lab)
    wait_until(lambda: healed.connected("h1"), "the agent goes on")
    told = wait_until(lambda: (found := why(healed, one.name, other.name))["reach"] == "no" and found, "the agent has met the obstacle")
    node.run(["ip", "link", "del", "old"])
    assert ("h1", "VXLAN", "device-missing") in standing(told, "broken")
    assert "is held by old" in told["sentence"]


def test_a_host_that_is_away_is_told_and_what_to_ask_there(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    faults.cause(healed.lab, "kill-agent", "h1")
    told = wait_until(lambda: (found := why(healed, one.name, other.name))["reach"] == "unknown" and found, "the server knows")
    assert standing(told, "unknown") == [("h1", "its", "")]
    assert "vxloom why --host" in told["sentence"]


def test_machines_that_cannot_talk_whatever_the_kernels_hold(cloud: Cloud, guests: list[Guest]) -> None:
    one = guests[0]
    elsewhere = cloud.guest(cloud.network(gateway="10.2.2.1"), "h1", "10.2.2.5")
    told = why(cloud, one.name, elsewhere.name)
    assert told["reach"] == "no"
    assert "different segments" in told["sentence"]
    assert "a router between them is needed" in told["sentence"]
    cloud.call("stopVirtualMachine", id=elsewhere.id)
    network = cloud.network()
    pair = cloud.guests(network, "h1", "h2")
    cloud.call("stopVirtualMachine", id=pair[1].id)
    told = why(cloud, pair[0].name, pair[1].name)
    assert told["reach"] == "no"
    assert f"{pair[1].name} does not run (Stopped)" in told["sentence"]
    cloud.destroy(elsewhere, *pair)


def test_as_a_person_asks(cloud: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    command = [str(Path(sys.executable).with_name("vxloom")), "why", one.name, other.name]
    done = subprocess.run(command, env=os.environ | cloud.lab.environment(), capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == f"{one.name} can reach {other.name}, as far as both kernels tell", done.stderr
    assert f"{one.name} → {other.name}" in done.stdout


def packets(told: Told, way: int = 0) -> list[tuple[str, str, str]]:
    """Return (host, standing, first words) of what became of the packets of one way."""
    steps = [step for step in told["ways"][way]["steps"] if step["place"].startswith(("packets", "broadcast"))]
    return [(step["host"], step["standing"], step["seen"].partition(":")[0]) for step in steps]


def test_packets_come_by_every_place_of_a_way_that_is_well(cloud: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    told = why(cloud, one.name, other.name, packet="true")
    assert told["sentence"] == f"{one.name} can reach {other.name}: packets came out at both taps"
    for way, here, there, answerer in ((0, "h1", "h2", other), (1, "h2", "h1", one)):
        assert told["ways"][way]["arrived"] == 3
        assert packets(told, way) == [
            (here, "ok", "3 of 3 came in by its tap"),
            (here, "ok", "3 of 3 left by the VXLAN device"),
            (here, "ok", "3 of 3 went onto the underlay"),
            (there, "ok", "3 of 3 came from the underlay"),
            (there, "ok", "3 of 3 came out of the VXLAN device"),
            (there, "ok", "3 of 3 went out to the guest"),
            (there, "ok", f"{answerer.name} answered 3 of 3"),
        ]


def test_packets_on_one_host_need_two_taps(cloud: Cloud, guests: list[Guest]) -> None:
    one, _, beside = guests
    told = why(cloud, one.name, beside.name, packet="true")
    assert told["sentence"] == f"{one.name} can reach {beside.name}: packets came out at both taps"
    assert [text for _, _, text in packets(told)] == [
        "3 of 3 came in by its tap",
        "3 of 3 went out to the guest",
        f"{beside.name} answered 3 of 3",
    ]


def test_a_port_closed_on_the_way_is_where_packets_vanish(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    faults.cause(healed.lab, "closed", "h2", "4789")
    assert why(healed, one.name, other.name)["reach"] == "yes"  # no kernel of ours knows
    told = why(healed, one.name, other.name, packet="true")
    assert packets(told)[3] == ("h2", "broken", "none of 3 came from the underlay")
    assert "they were lost between the hosts: something on the way drops UDP port 4789" in told["sentence"]
    assert f"open UDP port 4789 from {healed.lab.node('h1').address} to {healed.lab.node('h2').address}" in told["sentence"]
    assert (told["reach"], told["ways"][1]["arrived"]) == ("no", 3)
    back = why(healed, other.name, one.name, packet="true")
    assert back["sentence"].startswith(f"{other.name} gets no answer of {one.name}: on h2, packets of {one.name}: none of 3")


def test_packets_that_a_hosts_own_rules_drop_vanish_behind_its_underlay(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    node = healed.lab.node("h2")
    node.run(
        ["nft", "add table inet fw; add chain inet fw in { type filter hook input priority 0; }; add rule inet fw in udp dport 4789 drop"]
    )
    told = why(healed, one.name, other.name, packet="true")
    node.run(["nft", "delete", "table", "inet", "fw"])
    assert packets(told)[4] == ("h2", "broken", "none of 3 came out of the VXLAN device")
    assert "on h2, firewall, inward: inet fw in drops UDP port 4789" in told["sentence"]


def test_broadcast_that_is_lost_is_told_although_packets_arrive(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    node = healed.lab.node("h2")
    node.run(["nft", "add table bridge fw; add chain bridge fw f { type filter hook forward priority 0; }"])
    node.run(["nft", "add", "rule", "bridge", "fw", "f", "ether", "daddr", "ff:ff:ff:ff:ff:ff", "drop"])
    told = why(healed, one.name, other.name, packet="true")
    node.run(["nft", "delete", "table", "bridge", "fw"])
    assert told["reach"] == "yes"
    assert packets(told)[-1] == ("h2", "impaired", f"does not reach {other.name}")
    assert "the bridge of h2 dropped them" in told["sentence"]


def test_a_guest_that_answers_nothing_is_reached_all_the_same(healed: Cloud, guests: list[Guest]) -> None:
    one, other, _ = guests
    other.place.run(["sysctl", "-w", "net.ipv4.icmp_echo_ignore_all=1"])
    told = why(healed, one.name, other.name, packet="true")
    other.place.run(["sysctl", "-w", "net.ipv4.icmp_echo_ignore_all=0"])
    assert told["reach"] == "yes"
    assert packets(told)[-1] == ("h2", "not looked at", f"{other.name} itself answers no ping")

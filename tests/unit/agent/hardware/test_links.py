"""The cards under the underlay, bonds, counters, optics, and what was before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.agent.hardware.tree import Tree
from tests.waiting import wait_until
from vxloom.agent.hardware import links
from vxloom.agent.hardware.memory import Memory
from vxloom.agent.hardware.optics import Optics, OpticsReader, parse
from vxloom.agent.hardware.rates import Rates
from vxloom.model.hardware import Bond, Leg, Link, Sensor


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_way_down_goes_through_vlan_bridge_and_bond_and_past_the_guests(tree: Tree) -> None:
    tree.link("eth0", card="0000:03:00.0")
    tree.link("eth1", card="0000:03:00.1")
    tree.bond("bond0", "eth0", "eth1")
    tree.link("bond0.100", lower=("bond0",))
    tree.link("vnet0")
    tree.link("vxlan5000")
    tree.link("cloudbr0", lower=("bond0.100", "vnet0", "vxlan5000"))
    (tree.sys / "class" / "net" / "cloudbr0" / "bridge").mkdir()
    assert links.below(tree.sys, ["cloudbr0"]) == links.Below(("eth0", "eth1"), ("bond0",))
    assert links.below(tree.sys, ["eth1"]) == links.Below(("eth1",))
    assert links.below(tree.sys, ["vnet0"]) == links.Below(("vnet0",)), "what carries the address itself counts, card or not"
    assert links.below(tree.sys, ["gone"]) == links.below(tree.sys, []) == links.Below()
    assert [links.is_physical(tree.sys, name) for name in ("eth0", "vnet0")] == [True, False]
    assert links.identity(tree.sys, "eth0") == "eth0 0000:03:00.0"


def test_links_in_a_circle_end(tree: Tree) -> None:
    for name, lower in (("a", "b"), ("b", "a")):
        tree.link(name)
        (tree.sys / "class" / "net" / name / f"lower_{lower}").symlink_to(tree.sys)
    assert links.below(tree.sys, ["a"]) == links.Below()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Link("eth0", True, speed=10000)),
        ({"duplex": "half", "speed": 100}, Link("eth0", True, speed=100, full=False)),
        ({"speed": -1, "duplex": "unknown"}, Link("eth0", True)),
        ({"speed": 4294967295}, Link("eth0", True)),
        ({"carrier": 0}, Link("eth0", False)),
        ({"carrier": b""}, Link("eth0", False)),
        ({"speed": "fast", "duplex": b"\xff"}, Link("eth0", True)),
    ],
)
def test_a_link_is_what_its_files_say(tree: Tree, files: dict[str, object], expected: Link) -> None:
    tree.link("eth0", card="0000:03:00.0", **files)
    assert links.link(tree.sys, "eth0") == expected
    assert links.link(tree.sys, "gone") is None


def test_a_bond_is_its_legs_and_its_partner(tree: Tree) -> None:
    for name in ("eth0", "eth1", "eth2", "eth3"):
        tree.link(name)
    tree.bond("bond0", "eth0", "eth1", "eth2", "eth3")
    tree.leg("eth1", up=False)
    tree.leg("eth2", aggregator=2)
    tree.leg("eth3", state=0x05)
    expected = (Leg("eth0", True), Leg("eth1", False), Leg("eth2", True, joined=False), Leg("eth3", True, synced=False))
    assert links.bond(tree.sys, "bond0") == Bond("bond0", "802.3ad", expected, "02:00:00:00:00:aa")
    tree.write("sys/class/net/bond0/bonding/ad_partner_mac", "00:00:00:00:00:00")
    alone = links.bond(tree.sys, "bond0")
    assert alone is not None
    assert alone.partner == ""


def test_a_bond_of_another_mode_knows_only_which_legs_are_up(tree: Tree) -> None:
    tree.link("eth0")
    tree.bond("bond0", "eth0", mode="active-backup 1", partner="")
    tree.leg("eth0", aggregator=9, state=0)
    assert links.bond(tree.sys, "bond0") == Bond("bond0", "active-backup", (Leg("eth0", True),))
    assert links.bond(tree.sys, "eth0") is None


def test_counters_of_cards_and_of_both_ip_families_are_summed(tree: Tree) -> None:
    tree.link("eth0")
    tree.count("eth0", rx_errors=3, tx_errors=4, rx_dropped=5, rx_missed_errors=6)
    tree.write("sys/class/net/eth0/statistics/tx_dropped", "nonsense")
    tree.snmp(reassembled=10, failed=2, six=5)
    expected = {"eth0/errors": 7, "eth0/drops": 11, "ip/fragments": 15, "ip/failures": 2}
    assert links.totals(tree.sys, tree.proc, ["eth0", "gone"]) == expected
    tree.write("proc/net/snmp", "Ip: A B\nIp: 1\nIp:\n\x00")
    tree.write("proc/net/snmp6", "one\ntwo three\nIp6ReasmReqds x\n")
    assert links.totals(tree.sys, tree.proc, []) == {"ip/fragments": 0, "ip/failures": 0}


def test_a_rate_is_of_the_last_minute_and_survives_a_reset() -> None:
    rates = Rates()
    assert rates.of("x") == 0
    for second, total in ((0, 1000), (10, 1020), (20, 0), (30, 10)):
        rates.add(second, {"x": total})
    assert rates.of("x") == 1.0
    for second in range(40, 200, 10):
        rates.add(second, {"x": 10} if second != 150 else {})
    assert rates.of("x") == 0
    assert len(rates._samples) <= 8
    rates.add(200, {"x": 3337})
    assert rates.of("x") == 83.0


SFP = """\
	Receiver signal average optical power     : 0.5401 mW / -2.68 dBm
	Module temperature                        : 38.50 degrees C / 101.30 degrees F
	Module temperature high alarm             : {hot}
	Laser rx power low alarm                  : {dim}
	Laser rx power low alarm threshold        : 0.0100 mW / -20.00 dBm
"""
QSFP = """\
	Transmit avg optical power (Channel 1)    : 0.0000 mW / -inf dBm
	Rcvr signal avg optical power(Channel 1)  : 0.7682 mW / -1.15 dBm
	Rcvr signal avg optical power(Channel 2)  : 0.0501 mW / -13.00 dBm
	Rcvr signal avg optical power(Channel 3)  : 0.0000 mW / -inf dBm
	Rcvr signal avg optical power(Channel 4)  : 0.0001 mW / -40.00 dBm
	Laser rx power low alarm   (Chan 1)       : Off
	Laser rx power low alarm   (Chan 3)       : On
"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (SFP.format(hot="Off", dim="Off"), Optics(-2.7, False, Sensor("optics (eth0)", 38))),
        (SFP.format(hot="On", dim="On"), Optics(-2.7, True, Sensor("optics (eth0)", 38, beyond=True))),
        (QSFP, Optics(-13.0)),
        (QSFP.replace("(Chan 3)", "(Chan 2)"), Optics(-13.0, True)),
        ("\tModule temperature                        : -128.00 degrees C / x\n", Optics()),
        ("\tIdentifier : 0x21 (No separable module)\n", Optics()),
        ("", Optics()),
    ],
)
def test_optics_are_read_from_what_ethtool_says(said: str, expected: Optics) -> None:
    assert parse("eth0", said) == expected


def program(folder: Path, text: str) -> str:
    file = folder / "ethtool"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_a_card_without_optics_is_not_asked_again_soon_and_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    count = f"echo x >> {tmp_path}/count; "
    reader = OpticsReader(program(tmp_path, f"{count} exit 75"))
    assert reader.read("eth0") == reader.read("eth0") == Optics()
    assert (tmp_path / "count").read_text() == "x\n"
    pid = tmp_path / "pid"
    reader = OpticsReader(program(tmp_path, f"echo $$ > {pid}; exec sleep 60"), patience=0.3)
    assert reader.read("eth0") == Optics()
    wait_until(lambda: not Path(f"/proc/{int(pid.read_text())}").exists(), "the program was ended")
    assert OpticsReader(str(tmp_path / "none")).read("eth0") == Optics()
    assert OpticsReader(program(tmp_path, f"cat <<'E'\n{SFP.format(hot='Off', dim='Off')}E")).read("eth0").power == -2.7


def test_what_was_before_outlives_a_restart_and_offloads_begin_anew_with_a_boot(tree: Tree) -> None:
    file = tree.folder / "state" / "hardware.json"

    def memory() -> Memory:
        return Memory(file, tree.proc)

    first = memory()
    assert first.best("eth0 a", 10000) == 10000
    assert first.changed("eth0 a", {"tso": True, "gro": True}) == ()
    first.save()
    second = memory()
    assert second.best("eth0 a", 1000) == 10000
    assert second.best("eth0 b", 1000) == 1000, "another card"
    assert second.best("eth0 c", 0) == 0
    assert second.changed("eth0 a", {"tso": False, "gro": True, "new": True}) == ("tso off",)
    assert second.changed("eth0 a", {}) == ()
    second.save()
    tree.write("proc/sys/kernel/random/boot_id", "boot-2")
    third = memory()
    assert third.best("eth0 a", 1000) == 10000
    assert third.changed("eth0 a", {"tso": False}) == ()


@pytest.mark.parametrize("content", [b"", b"{", b'{"best": 7}', b"\xff"])
def test_a_torn_memory_is_an_empty_one(tree: Tree, content: bytes) -> None:
    file = tree.write("state/hardware.json", content)
    assert Memory(file, tree.proc).best("eth0", 5) == 5


def test_a_memory_that_cannot_be_written_is_still_one(tree: Tree) -> None:
    memory = Memory(tree.write("file", "x") / "hardware.json", tree.proc)
    assert memory.best("eth0", 5) == 5
    memory.save()
    assert memory.best("eth0", 4) == 5


def test_memory_is_bounded(tree: Tree) -> None:
    memory = Memory(tree.folder / "hardware.json", tree.proc)
    for number in range(1000):
        memory.best(f"eth{number}", 1)
    memory.save()
    assert os.path.getsize(tree.folder / "hardware.json") < 2000  # noqa: PTH202 - one number

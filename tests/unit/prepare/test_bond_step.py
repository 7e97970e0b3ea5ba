"""The step *bond*: what it takes over from a card, and what it refuses. What it makes is seen in tests/machine."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.unit.prepare.test_bond import BOND, Said
from tests.unit.prepare.test_bonds import bond
from vxloom.errors import ConfigError, PrepareError
from vxloom.prepare import run
from vxloom.prepare.bonding import carried
from vxloom.prepare.changes import WriteFile
from vxloom.prepare.journal import Entry, Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import registry
from vxloom.settings import HostSettings, load


def card(name: str, master: str = "", kind: str = "") -> dict[str, object]:
    return {"ifname": name, "mtu": 1500, "flags": ["UP"], "master": master, "address": "02:00:00:00:00:01", "linkinfo": {"info_kind": kind}}


def test_members_in_the_hands_of_two_programs_are_refused(tmp_path: Path) -> None:
    machine = Said(
        tmp_path,
        {
            "ip -j -d link show": json.dumps([card("eth0"), card("eth1")]),
            "ip ": "",
            "networkctl --json=short status eth1": '{"NetworkFile": "/etc/systemd/network/10-uplink.network"}',
        },
    )
    machine.write("/etc/network/interfaces", "iface eth0 inet manual\n")
    settings = HostSettings(bond=BOND.wanted)
    [part] = run.plan(machine, settings, [registry()["bond"]])
    assert "eth0 is in the hands of ifupdown, eth1 in those of systemd-networkd" in part.problem
    machine.write("/etc/network/interfaces", "")
    [part] = run.plan(machine, settings, [registry()["bond"]])
    assert "nobody we know brings eth0 up at boot" in part.problem
    assert "--skip bond" in part.problem


def test_a_bond_of_ours_that_is_whole_needs_nothing_whatever_became_of_the_files_it_was_made_from(tmp_path: Path) -> None:
    shown = [card("eth0", "bond0"), card("eth1", "bond0"), bond()]
    machine = Said(tmp_path, {"ip -j -d link show": json.dumps(shown), "ip ": ""})
    file = WriteFile(path="/etc/netplan/a.yaml", text="as it was written\n", reason="r")
    for change in (file, msgspec.structs.replace(BOND, tell=("netplan", "apply"))):
        Journal(machine).add(Entry(step="bond", change=change, before={"text": None, "mode": None}))
    machine.write("/etc/netplan/a.yaml", "another step, another bond\n")
    [part] = run.plan(machine, HostSettings(bond=BOND.wanted), [registry()["bond"]])
    assert (part.changes, part.problem) == ((), "")
    machine.said["ip -j -d link show"] = json.dumps([card("eth0"), *shown[1:]])
    [part] = run.plan(machine, HostSettings(bond=BOND.wanted), [registry()["bond"]])
    assert [change.what for change in part.changes] == ["make bond0 of eth0 and eth1, in the place of eth0"]


def test_without_members_there_is_nothing_to_do(tmp_path: Path) -> None:
    [part] = run.plan(Machine(tmp_path), HostSettings(), [registry()["bond"]])
    assert part.not_applicable == "host.toml names no members of a bond"


def test_what_ip_tells_of_a_card_is_given_to_the_bond(tmp_path: Path) -> None:
    told = {
        "addr_info": [
            {"family": "inet", "local": "192.0.2.1", "prefixlen": 24, "broadcast": "192.0.2.255", "scope": "global"},
            {
                "family": "inet",
                "local": "192.0.2.7",
                "prefixlen": 24,
                "scope": "global",
                "dynamic": True,
                "valid_life_time": 600,
                "preferred_life_time": 300,
            },
            {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
            {"family": "inet6", "local": "2001:db8::1", "prefixlen": 64, "scope": "global"},
        ]
    }
    routes = (
        "default via 192.0.2.254 proto static linkdown \n192.0.2.0/24 proto kernel scope link src 192.0.2.1 \n"
        "local 192.0.2.1 table local proto kernel scope host src 192.0.2.1 \n10.0.0.0/8 via 192.0.2.253 table 7 metric 5 \n"
    )
    machine = Said(
        tmp_path,
        {
            "ip -j address show dev eth0": json.dumps([told]),
            "ip -4 route show table all dev eth0": routes,
            "ip -6 route show table all dev eth0": "2001:db8::/64 proto kernel metric 256\ndefault via fe80::9 proto ra expires 9sec\n",
        },
    )
    assert carried(machine, "eth0") == (
        (("-4", "192.0.2.1/24 brd 192.0.2.255"), ("-4", "192.0.2.7/24 valid_lft 600 preferred_lft 300"), ("-6", "2001:db8::1/64")),
        (("-4", "default via 192.0.2.254 proto static"), ("-4", "10.0.0.0/8 via 192.0.2.253 table 7 metric 5")),
    )
    machine.said["ip -4 route show table all dev eth0"] = "default \n\tnexthop via 192.0.2.254 dev eth0 weight 1 \n"
    with pytest.raises(PrepareError, match="several ways"):
        carried(machine, "eth0")


def test_the_commands_put_a_gateway_after_the_way_to_it() -> None:
    text = "\n".join(BOND.commands)
    assert text.index("203.0.113.0/24") < text.index("default via")
    assert BOND.commands[0].endswith("type bond mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4 miimon 100 min_links 1")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('[bond]\nmembers = ["a", "b"]\nrate = "quick"\n', "quick"),
        ('[bond]\nmode = "x"\n', "mode"),
        ('[bond]\nmembers = "eth0"\n', "bond.members"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(tmp_path: Path, toml: str, words: str) -> None:
    file = tmp_path / "host.toml"
    file.write_text(toml)
    with pytest.raises(ConfigError, match=words):
        load(HostSettings, file, {})

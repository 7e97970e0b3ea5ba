"""What a machine says of its bonds, and what is not well with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vxloom.prepare import bonds
from vxloom.prepare.machine import Done, Machine
from vxloom.prepare.requirements import links
from vxloom.settings import Bond, HostSettings

LACP = {
    "mode": "802.3ad",
    "miimon": 100,
    "xmit_hash_policy": "layer3+4",
    "min_links": 1,
    "ad_lacp_rate": "fast",
    "ad_info": {"aggregator": 1, "num_ports": 2, "actor_key": 15, "partner_key": 15, "partner_mac": "02:00:00:00:00:02"},
}
WANTED = HostSettings(bond=Bond(members=("eth0", "eth1")))


class Shown(Machine):
    """A machine whose links are what the test says."""

    def __init__(self, *shown: dict[str, object]) -> None:
        super().__init__(Path("/nowhere"))
        self.shown = shown

    def run(self, *command: str, patience: float = 60.0, text: str | None = None) -> Done:
        return Done(0, json.dumps(self.shown), "")


def bond(**changed: object) -> dict[str, object]:
    return {"ifname": "bond0", "linkinfo": {"info_kind": "bond", "info_data": LACP | changed}}


def leg(name: str, status: str = "UP", aggregator: int = 1) -> dict[str, object]:
    data = {"state": "ACTIVE", "mii_status": status, "ad_aggregator_id": aggregator}
    return {"ifname": name, "master": "bond0", "linkinfo": {"info_slave_kind": "bond", "info_slave_data": data}}


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ((bond(), leg("eth0"), leg("eth1")), []),
        ((bond(), leg("eth0"), leg("eth1", "DOWN", 2)), ["eth1 is down"]),
        ((bond(), leg("eth0"), leg("eth1", aggregator=2)), ["eth1 in another aggregator"]),
        ((bond(ad_info={"aggregator": 1, "partner_mac": "00:00:00:00:00:00"}), leg("eth0"), leg("eth1")), ["does not speak LACP"]),
        ((bond(ad_lacp_rate="slow"), leg("eth0"), leg("eth1")), ["LACP rate slow", "LACP rate slow, not fast"]),
        ((bond(mode="active-backup"), leg("eth0"), leg("eth1")), ["mode active-backup", "mode active-backup, not 802.3ad"]),
        ((bond(min_links=2), leg("eth0"), leg("eth1")), ["min_links 2, not 1"]),
        ((bond(min_links=2), leg("eth0"), leg("eth1", "DOWN")), ["eth1 is down", "1 of the 2 legs", "min_links 2, not 1"]),
        ((bond(), leg("eth0"), leg("eth2")), ["members eth0, eth2, not eth0, eth1"]),
        ((bond(), leg("eth0")), ["fewer than two members", "members eth0, not eth0, eth1"]),
    ],
)
def test_what_is_not_well_with_a_bond_is_named(shown: tuple[dict[str, object], ...], words: list[str]) -> None:
    [row] = links.look(Shown(*shown), WANTED)
    found = row.remedy.split("; ") if row.remedy else []
    assert [wanted in said for wanted, said in zip(words, found, strict=True)] == [True] * len(words), found
    assert row.verdict == ("warning" if words else "ok")


def test_a_bond_that_nobody_asked_for_is_judged_by_how_it_stands() -> None:
    [row] = links.look(Shown(bond(min_links=0, xmit_hash_policy="layer2"), leg("eth4"), leg("eth5")), HostSettings())
    assert (row.name, row.verdict, row.found) == ("bond bond0", "ok", "802.3ad, eth4 up, eth5 up")


def test_a_bond_that_is_wanted_and_not_there_warns_and_without_any_there_is_nothing_to_say() -> None:
    [row] = links.look(Shown(), WANTED)
    assert (row.found, row.verdict) == ("not there", "warning")
    [row] = links.look(Shown(), HostSettings())
    assert row.verdict == "not applicable"


def test_a_device_of_that_name_that_is_no_bond_is_seen() -> None:
    assert bonds.differences(bonds.look(Shown({"ifname": "bond0", "linkinfo": {"info_kind": "dummy"}})).get("bond0"), WANTED.bond) == [
        "it is no bond"
    ]

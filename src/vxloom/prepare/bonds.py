"""The bonds a machine has: what they are like, how their legs stand, and what is not well with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from vxloom.prepare.bonding import MODE
from vxloom.prepare.machine import Machine
from vxloom.settings import Bond

_NOBODY = "00:00:00:00:00:00"


@dataclass(frozen=True, slots=True)
class Leg:
    """A member. ``aggregator``: the group of links it ended up in, by LACP; 0: none."""

    name: str
    up: bool
    aggregator: int


@dataclass(frozen=True, slots=True)
class Bonded:
    """A bond, as ``ip -d link`` tells of it. ``aggregator`` is the group that carries the traffic."""

    name: str
    mode: str
    rate: str
    hash: str
    miimon: int
    min_links: int
    aggregator: int
    partner: str
    """MAC of the other side's LACP; all zeros: nobody speaks it there."""
    legs: tuple[Leg, ...]

    @property
    def is_lacp(self) -> bool:
        """Tell whether the legs are joined by LACP."""
        return self.mode == MODE


def look(machine: Machine) -> dict[str, Bonded]:
    """Return the bonds by name. Raises :class:`vxloom.errors.PrepareError` without iproute2."""
    shown = json.loads(machine.must("ip", "-j", "-d", "link", "show") or "[]")
    infos = {str(link["ifname"]): (link, link.get("linkinfo") or {}) for link in shown if link.get("ifname")}
    return {name: _bonded(name, info.get("info_data") or {}, infos) for name, (_, info) in infos.items() if info.get("info_kind") == "bond"}


def _bonded(name: str, data: Mapping[str, object], infos: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]]) -> Bonded:
    legs = [_leg(each, info.get("info_slave_data")) for each, (link, info) in infos.items() if link.get("master") == name]
    lacp = data.get("ad_info")
    lacp = lacp if isinstance(lacp, dict) else {}
    return Bonded(
        name=name,
        mode=str(data.get("mode", "")),
        rate=str(data.get("ad_lacp_rate", "")),
        hash=str(data.get("xmit_hash_policy", "")),
        miimon=int(str(data.get("miimon", 0))),
        min_links=int(str(data.get("min_links", 0))),
        aggregator=int(lacp.get("aggregator", 0)),
        partner=str(lacp.get("partner_mac", _NOBODY)),
        legs=tuple(legs),
    )


def _leg(name: str, data: object) -> Leg:
    told = data if isinstance(data, dict) else {}
    return Leg(name, told.get("mii_status") == "UP", int(told.get("ad_aggregator_id", 0)))


def differences(bond: Bonded | None, wanted: Bond) -> list[str]:
    """Return how a bond differs from the one that is wanted, a few words each; None: the device is no bond."""
    if bond is None:
        return ["it is no bond"]
    has = ", ".join(sorted(leg.name for leg in bond.legs)) or "none"
    pairs = [
        ("members", has, ", ".join(sorted(wanted.members))),
        ("mode", bond.mode, MODE),
        ("LACP rate", bond.rate if bond.is_lacp else wanted.rate, wanted.rate),
        ("hash", bond.hash, wanted.hash),
        ("min_links", str(max(bond.min_links, 1)), str(wanted.min_links)),  # the kernel's default is 0, which means the same as 1
    ]
    return [f"{what} {found}, not {asked}" for what, found, asked in pairs if found != asked]


def faults(bond: Bonded) -> list[str]:
    """Return what is not well with a bond now, a few words each."""
    if not bond.is_lacp:
        return [f"mode {bond.mode}, not {MODE}: nobody on the other side confirms a leg"]
    found = [f"{leg.name} is down" for leg in bond.legs if not leg.up]
    up = sum(leg.up for leg in bond.legs)
    if up < bond.min_links:
        found.append(f"the bond is down: {up} of the {bond.min_links} legs it wants are up")
    if len(bond.legs) < 2:
        found.append("fewer than two members")
    strangers = [leg.name for leg in bond.legs if leg.up and leg.aggregator != bond.aggregator]
    if strangers:
        found.append(f"{', '.join(strangers)} in another aggregator: cabled to another switch, or to ports that are not one LACP group")
    if bond.partner == _NOBODY and any(leg.up for leg in bond.legs):
        found.append("the other side does not speak LACP")
    if bond.rate == "slow":
        found.append("LACP rate slow: a leg that dies silently is noticed after 90 s, not 3")
    return found

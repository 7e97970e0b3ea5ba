"""The cards and bonds under the tunnel end point: down through bridge, VLAN and bond, never up into taps.

Files: Documentation/ABI/testing/sysfs-class-net, …-statistics; Documentation/networking/bonding.rst; `bonding_slave/` of
drivers/net/bonding/bond_sysfs_slave.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from vxloom.agent.hardware.files import names, number, target, text
from vxloom.model.hardware import Bond, Leg, Link

MOST = 32
LACP = "802.3ad"
_UNKNOWN = 2**32 - 1
_NOBODY = "00:00:00:00:00:00"
_SYNC, _COLLECTING = 0x08, 0x10
"""Bits of an LACP port's state (IEEE 802.1AX, 6.4.2.3)."""
_ERRORS, _DROPS = ("rx_errors", "tx_errors"), ("rx_dropped", "tx_dropped", "rx_missed_errors")


@dataclass(frozen=True, slots=True)
class Below:
    """What an underlay stands on."""

    links: tuple[str, ...] = ()
    bonds: tuple[str, ...] = ()


def below(sys: Path, devices: Iterable[str]) -> Below:
    """Return the bottom links and the bonds under some devices. Under a bridge only what leads to a card counts: the rest are guests."""
    net, starts = sys / "class" / "net", tuple(devices)
    links: dict[str, None] = {}
    bonds: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [(name, True) for name in reversed(starts)]
    while waiting and len(seen) < 8 * MOST:
        name, sure = waiting.pop()
        if name in seen or not (net / name).exists():
            continue
        seen.add(name)
        lowers = [entry.removeprefix("lower_") for entry in names(net / name) if entry.startswith("lower_")]
        bond = (net / name / "bonding").exists()
        if bond:
            bonds[name] = None
        if lowers or bond:
            waiting += [(lower, sure and not (net / name / "bridge").exists()) for lower in reversed(lowers)]
        elif sure or is_physical(sys, name):
            links[name] = None
    return Below(tuple(links)[:MOST], tuple(bonds)[:MOST])


def is_physical(sys: Path, name: str) -> bool:
    """Tell whether there is a device behind a link."""
    return (sys / "class" / "net" / name / "device").exists()


def identity(sys: Path, name: str) -> str:
    """Return what a card is remembered by: name and slot."""
    return f"{name} {target(sys / 'class' / 'net' / name / 'device')}".strip()


def link(sys: Path, name: str) -> Link | None:
    """Return a link without its rates; None when it is gone."""
    folder = sys / "class" / "net" / name
    if not folder.exists():
        return None
    up = number(folder / "carrier") == 1  # EINVAL while it is switched off
    speed = number(folder / "speed") if up else None
    known = speed if speed is not None and 0 < speed < _UNKNOWN else 0
    return Link(name, up, physical=is_physical(sys, name), speed=known, full=text(folder / "duplex") != "half")


def bond(sys: Path, name: str) -> Bond | None:
    """Return a bond; None when it is gone."""
    folder = sys / "class" / "net" / name / "bonding"
    mode = (text(folder / "mode") or "").split()
    if not mode:
        return None
    active = number(folder / "ad_aggregator") if mode[0] == LACP else None
    legs = tuple(_leg(sys, leg, active) for leg in (text(folder / "slaves") or "").split()[:MOST])
    partner = text(folder / "ad_partner_mac") or ""
    return Bond(name, mode[0], legs, partner if mode[0] == LACP and partner != _NOBODY else "")


def _leg(sys: Path, name: str, active: int | None) -> Leg:
    folder = sys / "class" / "net" / name / "bonding_slave"
    up = text(folder / "mii_status") == "up"
    if active is None or not up:
        return Leg(name, up)
    aggregator, state = number(folder / "ad_aggregator_id"), number(folder / "ad_partner_oper_port_state")
    synced = state is None or state & (_SYNC | _COLLECTING) == _SYNC | _COLLECTING
    return Leg(name, up, joined=aggregator in {None, active}, synced=synced)


def totals(sys: Path, proc: Path, links: Iterable[str]) -> dict[str, int]:
    """Return counters: ``<link>/errors``, ``<link>/drops``, and ``ip/fragments``, ``ip/failures`` of both families."""
    found: dict[str, int] = {}
    for name in links:
        folder = sys / "class" / "net" / name / "statistics"
        for kind, files in (("errors", _ERRORS), ("drops", _DROPS)):
            read = [value for file in files if (value := number(folder / file)) is not None]
            if read:
                found[f"{name}/{kind}"] = sum(read)
    four = dict(_snmp(proc / "net" / "snmp"))
    six = dict(_snmp6(proc / "net" / "snmp6"))
    made = ("FragCreates", "ReasmReqds"), ("FragFails", "ReasmFails")
    for kind, counted in zip(("fragments", "failures"), made, strict=True):
        found[f"ip/{kind}"] = sum(_of(four, f"Ip{name}") + _of(six, f"Ip6{name}") for name in counted)
    return found


def _of(table: Mapping[str, int], name: str) -> int:
    return table.get(name, 0)


def _snmp(file: Path) -> Iterator[tuple[str, int]]:
    """Read pairs of lines: names, then values, each after ``Ip:``."""
    lines = [line.split() for line in (text(file) or "").splitlines()]
    for head, values in pairwise(lines):
        if head[:1] == values[:1] == ["Ip:"] and len(head) == len(values):
            yield from ((f"Ip{name}", int(value)) for name, value in zip(head[1:], values[1:], strict=True) if value.isdigit())


def _snmp6(file: Path) -> Iterator[tuple[str, int]]:
    for line in (text(file) or "").splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            yield words[0], int(words[1])

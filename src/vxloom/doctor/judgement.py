"""From what hardware tells to findings, for the doctor's check and the server's alerts. Pure, total, and bounded whatever a host says.

A finding is raised at once and stands until it has not been found for ``patience`` seconds; while it stands the limit it must get away from
is a little easier, so that a value on the limit is one alert and not fifty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from vxloom.model.hardware import Bond, Hardware, Leg, Link, Sensor

TEMPERATURE: Final = "host.temperature"
LEG: Final = "host.bond.leg"
AGGREGATOR: Final = "host.bond.aggregator"
PARTNER: Final = "host.bond.partner"
UNEQUAL: Final = "host.bond.speed"
DOWN: Final = "host.link.down"
SPEED: Final = "host.link.speed"
DUPLEX: Final = "host.link.duplex"
OFFLOAD: Final = "host.link.offload"
OPTICS: Final = "host.link.optics"
ERRORS: Final = "host.errors"
DROPS: Final = "host.drops"
FRAGMENTS: Final = "host.fragments"
UNREAD: Final = "host.hardware.unread"
CODES: Final = (
    TEMPERATURE, LEG, AGGREGATOR, PARTNER, UNEQUAL, DOWN, SPEED, DUPLEX, OFFLOAD, OPTICS, ERRORS, DROPS, FRAGMENTS, UNREAD,
)  # fmt: skip
"""Names of the alerts: one per host and code."""
LACP: Final = "802.3ad"
MOST = 64
"""So many sensors, links, bonds and legs of each are looked at; a host has fewer."""
_EASE = 3
"""Degrees below a limit at which a temperature is well again, and dB above for optics… """
_HALF = 0.5
"""… and the share of its limit for a rate."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A zone's settings ``vxloom.health.*``."""

    warning: float = 85.0
    critical: float = 95.0
    errors: float = 1.0
    drops: float = 100.0
    fragments: float = 100.0
    power: float = -14.0
    patience: float = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with one part of a host."""

    code: str
    part: str
    """The sensor, link or bond; with the code what makes it the same finding the next time."""
    text: str
    critical: bool = False

    @property
    def key(self) -> Key:
        """What it is recognised by."""
        return self.code, self.part, self.critical


Key = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding, as it was raised, and when it was found last (seconds on any clock that only goes forward)."""

    finding: Finding
    seen: float


Condition = Mapping[str, tuple[str, bool]]
"""Code → (what is wrong, whether some of it is critical); a code that is not there is well."""


@dataclass(frozen=True, slots=True)
class Health:
    """A host's hardware as it is known now."""

    hardware: Hardware
    condition: Condition
    strained: str = ""
    """Why it is the last choice for a machine; empty: it is not."""


def judge(hardware: Hardware, limits: Thresholds, standing: Mapping[Key, object]) -> tuple[Finding, ...]:
    """Return what is wrong. ``standing``: what was found before, which must get a little further away from its limit."""
    eased = standing.keys()
    bonded = {leg.name for bond in hardware.bonds[:MOST] for leg in bond.legs[:MOST]}
    found = [
        *(finding for sensor in hardware.sensors[:MOST] for finding in _sensor(sensor, limits, eased)),
        *(finding for bond in hardware.bonds[:MOST] for finding in _bond(bond, hardware)),
        *(finding for link in hardware.links[:MOST] for finding in _link(link, link.name in bonded, limits, eased)),
        *_packets(hardware, limits, eased),
    ]
    if hardware.unread:
        found.append(Finding(UNREAD, "", f"its hardware cannot be read: {cut(hardware.unread)}"))
    return tuple(found)


def settle(standing: Mapping[Key, Standing], found: Iterable[Finding], now: float, patience: float) -> dict[Key, Standing]:
    """Return what stands now. What was raised keeps its text, so that a value that wanders is written once."""
    present = {finding.key: finding for finding in found}
    settled = {key: Standing(standing[key].finding if key in standing else finding, now) for key, finding in present.items()}
    return settled | {key: old for key, old in standing.items() if key not in present and now - old.seen < patience}


def texts(standing: Mapping[Key, Standing]) -> Condition:
    """Return what stands, by code, for the alerts. A warning beside its critical sibling is left out."""
    said: dict[str, list[Finding]] = {}
    for code, part, critical in sorted(standing):
        if critical or (code, part, True) not in standing:
            said.setdefault(code, []).append(standing[code, part, critical].finding)
    return {code: (_joined(each.text for each in findings), any(each.critical for each in findings)) for code, findings in said.items()}


def strain(hardware: Hardware, standing: Iterable[Key]) -> str:
    """Return why a host is the last choice for a machine, "" if it is not: too hot, or one more fault and it is off the underlay."""
    if any(code == TEMPERATURE and critical for code, _, critical in standing):
        return "is too hot"
    return "has no redundant links" if _redundancy(hardware) < 2 else ""


def _redundancy(hardware: Hardware) -> float:
    """Return how many cards carry the underlay; without any card (a veth, nothing told) that is no question."""
    cards = [link for link in hardware.links[:MOST] if link.physical]
    if not cards:
        return float("inf")
    idle = {leg.name for bond in hardware.bonds[:MOST] for leg in bond.legs[:MOST] if not (leg.up and leg.joined and leg.synced)}
    return sum(link.up and link.name not in idle for link in cards)


def _sensor(sensor: Sensor, limits: Thresholds, eased: Iterable[Key]) -> Iterator[Finding]:
    name, celsius = cut(sensor.name), sensor.celsius
    critical = limits.critical - _EASE * ((TEMPERATURE, name, True) in eased)
    warning = limits.warning - _EASE * ((TEMPERATURE, name, False) in eased)
    if sensor.beyond:
        yield Finding(TEMPERATURE, name, f"{name} at {celsius:.4g} °C, beyond the limit it states itself", critical=True)
    elif celsius >= critical:
        yield Finding(TEMPERATURE, name, f"{name} at {celsius:.4g} °C, critical from {limits.critical:g} on", critical=True)
    elif celsius >= warning:
        yield Finding(TEMPERATURE, name, f"{name} at {celsius:.4g} °C, too warm from {limits.warning:g} on")


def _bond(bond: Bond, hardware: Hardware) -> Iterator[Finding]:
    name, legs = cut(bond.name), bond.legs[:MOST]
    if down := [leg for leg in legs if not leg.up]:
        up = len(legs) - len(down)
        yield Finding(LEG, name, f"{name}: {_names(down)} down, {up} of {len(legs)} legs up", critical=up == 0)
    elif len(legs) < 2:
        text = f"{name}: {_names(legs)} is its only leg" if legs else f"{name} has no legs"
        yield Finding(LEG, name, text, critical=not legs)
    if bond.mode == LACP and any(leg.up for leg in legs):
        yield from _lacp(name, bond.partner, [leg for leg in legs if leg.up])
    speeds = {link.name: link.speed for link in hardware.links[:MOST] if link.speed > 0}
    told = {leg.name: speeds[leg.name] for leg in legs if leg.name in speeds}
    if len(set(told.values())) > 1:
        shown = ", ".join(f"{cut(leg)} {cut(str(speed))} Mbit/s" for leg, speed in islice(sorted(told.items()), 8))
        yield Finding(UNEQUAL, name, f"{name}: its legs differ in speed ({shown})")


def _lacp(name: str, partner: str, legs: list[Leg]) -> Iterator[Finding]:
    if not partner:
        yield Finding(PARTNER, name, f"{name}: nobody speaks LACP at the other end; set the switch's ports to LACP")
    elif apart := [leg for leg in legs if not leg.joined]:
        text = f"{name}: {_names(apart)} in another aggregator than the rest; its cable ends in another switch or channel group"
        yield Finding(AGGREGATOR, name, text)
    elif mute := [leg for leg in legs if not leg.synced]:
        yield Finding(PARTNER, name, f"{name}: the switch takes and sends nothing on {_names(mute)}; look at its channel group")


def _link(link: Link, bonded: bool, limits: Thresholds, eased: Iterable[Key]) -> Iterator[Finding]:  # noqa: FBT001 - private, one call
    name = cut(link.name)
    if not link.up:
        if not bonded:  # else the bond's finding says it
            yield Finding(DOWN, name, f"{name} has no carrier", critical=True)
        return
    if 0 < link.speed < link.best:
        yield Finding(SPEED, name, f"{name} at {link.speed} Mbit/s, was {link.best} Mbit/s: look at cable and switch port")
    if not link.full:
        yield Finding(DUPLEX, name, f"{name} is half duplex: look at the negotiation of both ends")
    if link.offloads:
        changed = ", ".join(cut(text) for text in islice(link.offloads, 8))
        yield Finding(OFFLOAD, name, f"{name}: offloads are not as at boot: {changed}")
    low = limits.power + _EASE * ((OPTICS, name, False) in eased)
    if link.dim or (link.power is not None and link.power < low):
        power = "" if link.power is None else f" of {link.power:.4g} dBm"
        yield Finding(OPTICS, name, f"{name}: too little light{power} received (least {limits.power:g} dBm): clean or replace the fibre")
    if _above(link.errors, limits.errors, (ERRORS, name, False) in eased):
        yield Finding(ERRORS, name, f"{name}: {link.errors:.3g} frames a second in error (limit {limits.errors:g})")
    if _above(link.drops, limits.drops, (DROPS, name, False) in eased):
        yield Finding(DROPS, name, f"{name}: {link.drops:.3g} frames a second dropped (limit {limits.drops:g})")


def _packets(hardware: Hardware, limits: Thresholds, eased: Iterable[Key]) -> Iterator[Finding]:
    if _above(hardware.fragments, limits.fragments, (FRAGMENTS, "ip", False) in eased):
        rate = f"{hardware.fragments:.3g} IP packets a second cut or put together"
        text = f"{rate} (limit {limits.fragments:g}): is the underlay's MTU too small?"
        yield Finding(FRAGMENTS, "ip", text)
    if _above(hardware.failures, limits.errors, (ERRORS, "ip", False) in eased):
        text = f"{hardware.failures:.3g} IP packets a second could not be cut or put together (limit {limits.errors:g})"
        yield Finding(ERRORS, "ip", text)


def _above(rate: float, limit: float, eased: bool) -> bool:  # noqa: FBT001 - private, two calls
    """Tell whether a rate is above its limit; a limit of 0 means: any at all."""
    return rate > 0 and rate >= (limit * _HALF if eased else limit)


def _names(legs: Iterable[Leg]) -> str:
    return ", ".join(cut(leg.name) for leg in islice(legs, 8))


def cut(text: str) -> str:
    """Return a host's word, short and on one line."""
    return " ".join(text[:200].split())[:64]


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(islice(parts, 16))[:1000]

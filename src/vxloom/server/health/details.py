"""A host's hardware as `listHosts` shows it: texts for people, bounded as the judgement is. Pure."""

from __future__ import annotations

from vxloom.doctor.judgement import MOST, Health, cut
from vxloom.model.hardware import Bond, Link


def health_details(health: Health | None) -> dict[str, str]:
    """Return details of a host: what is wrong, and what its sensors, links and bonds say now; nothing for None."""
    if health is None:
        return {}
    hardware = health.hardware
    details = {"vxloom.health": "; ".join(text for text, _ in health.condition.values()) or "well"}
    if health.strained:
        details["vxloom.lastchoice"] = health.strained
    if hardware.sensors:
        details["vxloom.temperature"] = ", ".join(f"{cut(sensor.name)} {sensor.celsius} °C" for sensor in hardware.sensors[:MOST])
    details |= {f"vxloom.link.{cut(link.name)}": _link(link) for link in hardware.links[:MOST]}
    return details | {f"vxloom.bond.{cut(bond.name)}": _bond(bond) for bond in hardware.bonds[:MOST]}


def _link(link: Link) -> str:
    if not link.up:
        return "no carrier"
    speed = f"{link.speed} Mbit/s" if link.speed > 0 else "up"
    light = "" if link.power is None else f", {link.power:.4g} dBm"
    return f"{speed}, {'full' if link.full else 'half'} duplex, {link.errors:.3g} errors/s, {link.drops:.3g} drops/s{light}"


def _bond(bond: Bond) -> str:
    legs = bond.legs[:MOST]
    idle = [cut(leg.name) for leg in legs if not (leg.up and leg.joined and leg.synced)]
    shown = f", without {', '.join(idle)}" if idle else ""
    partner = f", partner {cut(bond.partner)}" if bond.partner else ""
    return f"{cut(bond.mode)}, {len(legs) - len(idle)} of {len(legs)} legs{shown}{partner}"

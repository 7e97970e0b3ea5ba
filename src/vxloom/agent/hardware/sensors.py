"""Temperatures: hwmon chips (Documentation/hwmon/sysfs-interface) and thermal zones (driver-api/thermal), in thousandths of °C."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from vxloom.agent.hardware.files import names, number, target, text
from vxloom.model.hardware import Sensor

MOST = 64
COLDEST, HOTTEST = -40, 125
"""Degrees between which a value is believed: an input with nothing behind it reads -128, 127, 127.5 or 65261."""
LEAST_LIMIT = 40
"""A critical limit below that is a register nobody has set."""
_INPUT = re.compile(r"(temp\d+)_input$")


def sensors(sys: Path) -> tuple[Sensor, ...]:
    """Return one sensor a chip, by name; of more than 64 the hottest."""
    found: dict[str, Sensor] = {}
    chips = list(_chips(sys / "class" / "hwmon"))
    known = {chip for chip, _ in chips}  # the kernel shows many a thermal zone as a chip, too
    zones = [sensor for kind, sensor in _zones(sys / "class" / "thermal") if kind.replace("-", "_") not in known]
    for sensor in (*(sensor for _, sensor in chips), *zones):
        same = found.get(sensor.name)
        found[sensor.name] = sensor if same is None else hotter(same, sensor)
    hottest = sorted(found.values(), key=lambda sensor: (not sensor.beyond, -sensor.celsius))[:MOST]
    return tuple(sorted(hottest, key=lambda sensor: sensor.name))


def hotter(one: Sensor, other: Sensor) -> Sensor:
    """Return two of one name as one."""
    return Sensor(one.name, max(one.celsius, other.celsius), beyond=one.beyond or other.beyond)


def believed(thousandths: int | None) -> int | None:
    """Return whole degrees, None for what no sensor of a running machine measures."""
    if thousandths is None:
        return None
    celsius = round(thousandths / 1000)
    return celsius if COLDEST <= celsius <= HOTTEST else None


def _chips(folder: Path) -> Iterator[tuple[str, Sensor]]:
    for entry in names(folder):
        chip = folder / entry
        kind = text(chip / "name") or ""
        for place in (chip, chip / "device"):  # old drivers have their files there
            read = [one for file in names(place) if (match := _INPUT.match(file)) and (one := _input(place, match[1]))]
            if read:
                name = _name(kind or "sensor", _place(chip))
                yield kind, Sensor(name, max(celsius for celsius, _ in read), beyond=any(beyond for _, beyond in read))
                break


def _place(chip: Path) -> str:
    """Return where a chip sits: the network card it belongs to, else its device."""
    cards = names(chip / "device" / "net")
    return cards[0] if cards else target(chip / "device")


def _input(place: Path, prefix: str) -> tuple[int, bool] | None:
    celsius = believed(number(place / f"{prefix}_input"))
    if celsius is None or number(place / f"{prefix}_fault") == 1:
        return None
    limit = believed(number(place / f"{prefix}_crit"))
    if limit is None or limit < LEAST_LIMIT:
        return celsius, False
    return celsius, celsius >= limit or number(place / f"{prefix}_crit_alarm") == 1


def _zones(folder: Path) -> Iterator[tuple[str, Sensor]]:
    for entry in names(folder):
        zone = folder / entry
        celsius = believed(number(zone / "temp")) if entry.startswith("thermal_zone") else None
        if celsius is not None:
            kind = text(zone / "type") or "zone"
            trips = (file.removesuffix("_type") for file in names(zone) if re.match(r"trip_point_\d+_type$", file))
            limits = [believed(number(zone / f"{trip}_temp")) for trip in trips if text(zone / f"{trip}_type") == "critical"]
            beyond = any(limit is not None and LEAST_LIMIT <= limit <= celsius for limit in limits)
            yield kind, Sensor(_name(kind, entry), celsius, beyond=beyond)


def _name(kind: str, place: str) -> str:
    return (f"{kind} ({place})" if place else kind)[:64]

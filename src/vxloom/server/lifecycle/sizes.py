"""How big a machine is: what its offering says, or what whoever deploys it chose where the offering leaves that open. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vxloom.errors import RequestError
from vxloom.store import records

CPUS, SPEED, MEMORY = "cpuNumber", "cpuSpeed", "memory"
"""Details of a machine of a customized offering, as CloudStack spells them; taken in any case."""
_KEYS = {key.lower(): key for key in (CPUS, SPEED, MEMORY)}
MOST = {CPUS: 1024, SPEED: 1_000_000, MEMORY: 1 << 30}
"""Processors, MHz, MiB."""
_BOUNDS = {CPUS: ("minCPUNumber", "maxCPUNumber"), MEMORY: ("minMemory", "maxMemory"), SPEED: ("", "")}


@dataclass(frozen=True, slots=True)
class Size:
    """Processors, MHz, MiB."""

    cpus: int
    speed: int
    memory: int


def size_of(offering: records.ServiceOffering, details: Mapping[str, str]) -> Size:
    """Return a machine's size."""
    if offering.limits is None:
        return Size(offering.cpu_number, offering.cpu_speed, offering.memory)
    return Size(
        int(details.get(CPUS, offering.cpu_number)), int(details.get(SPEED, offering.cpu_speed)), int(details.get(MEMORY, offering.memory))
    )


def spelled(key: str) -> str:
    """Return a detail's name in CloudStack's spelling where it is one of size, as it is otherwise."""
    return _KEYS.get(key.lower(), key)


def chosen(offering: records.ServiceOffering, details: Mapping[str, str]) -> dict[str, str]:
    """Return a machine's details with its size in CloudStack's spelling.

    Raises :class:`RequestError` 431 for a size the offering does not allow, one it leaves open and nobody chose, or one it does not leave
    open.
    """
    given = {spelled(key): value for key, value in details.items() if spelled(key) in MOST}
    if offering.limits is None:
        if given:
            listed = ", ".join(sorted(given))
            raise RequestError(f"The size of service offering {offering.name} is fixed", remedy=f"leave the details {listed} out")
        return dict(details)
    if missing := [key for key in (CPUS, MEMORY) if key not in given]:
        text = f"Need to specify custom parameter values {' and '.join(missing)} when using service offering {offering.name}"
        raise RequestError(text, remedy="write details[0].cpuNumber=2 details[0].memory=1024")
    rest = {key: value for key, value in details.items() if spelled(key) not in MOST}
    return rest | {key: str(_number(offering.limits, key, value)) for key, value in given.items()}


def _number(limits: Mapping[str, str], key: str, text: str) -> int:
    low, high = (limits.get(bound) for bound in _BOUNDS[key])
    least, most = int(low or 1), int(high or MOST[key])
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    if not least <= number <= most:
        raise RequestError(f"Invalid {key} {text[:40]}", remedy=f"give {least} to {most}")
    return number

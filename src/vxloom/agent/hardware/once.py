"""One look at the hardware by somebody who was not there before: no rates, no optics, nothing that needs a memory. Starts no process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vxloom.agent.hardware import links, sensors
from vxloom.model.hardware import Hardware


def look(underlay: Iterable[str], sys: Path = Path("/sys")) -> Hardware:
    """Return what the sensors and the links and bonds under some devices say now."""
    below = links.below(sys, underlay)
    return Hardware(
        sensors.sensors(sys),
        tuple(link for name in below.links if (link := links.link(sys, name)) is not None),
        tuple(bond for name in below.bonds if (bond := links.bond(sys, name)) is not None),
    )

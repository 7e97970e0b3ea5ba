"""Does anything here claim the MAC of a machine that is elsewhere?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.addresses import format_mac, parse_mac, unpack_ip
from vxloom.model.state import Tap, bridge_name, vxlan_name

_HIDES = frozenset({"fdb-missing", "tap-changed"})

MASKED = Fault(
    code="fdb-masked",
    severity=Severity.ERROR,
    title="a row of the bridge hides where a remote machine is",
    meaning="Frames to that machine leave by a port behind which it is not. A learned row goes after five minutes, a static one stays.",
    remedy="bridge fdb del MAC dev PORT master, with the MAC and port that were seen; a running agent does so within a second",
    explains=_HIDES,
)
DUPLICATE = Fault(
    code="mac-duplicate",
    severity=Severity.ERROR,
    title="two ports claim the MAC of one machine",
    meaning="Frames to that machine go to one of them by turns, or to the wrong one only.",
    remedy="find out what {where} is: ip link set {where} nomaster cuts it off",
    explains=_HIDES | {"foreign-port"},
)
FAULTS = (MASKED, DUPLICATE)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Compare what bridges believe, and the MACs of strange ports, with where the server says that machines are."""
    suspects = {sighting.mac for sighting in evidence.sightings}
    suspects |= {evidence.devices[stray.name].mac for stray in evidence.observed.strays if stray.name in evidence.devices}
    if not suspects:
        return
    homes = _homes(evidence, suspects)
    for sighting in evidence.sightings:
        place = homes[sighting.bridge].get(sighting.mac)
        if place is None or place.port == sighting.port:
            continue
        seen = f"{'learnt' if sighting.learnt else 'fixed'} on {sighting.port}"
        fault, where = (MASKED, place.port) if place.vtep else (DUPLICATE, sighting.port)
        yield fault.found(where, expected=f"{sighting.mac} {place}", seen=f"{sighting.mac} {seen}")
    for stray in evidence.observed.strays:
        device = evidence.devices.get(stray.name)
        place = homes[stray.bridge].get(device.mac) if device else None
        if device and place:
            yield DUPLICATE.found(stray.name, expected=f"{device.mac} {place}", seen=f"it is the MAC of {stray.name} on {stray.bridge}")


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a machine is: behind a port; ``vtep``: of the host, "" for this one."""

    port: str
    vtep: str = ""

    def __str__(self) -> str:
        """As a person reads it."""
        return f"behind {self.port}{f' at {self.vtep}' if self.vtep else ''}"


def _homes(evidence: HostEvidence, suspects: set[str]) -> dict[str, dict[str, _Home]]:
    """Return bridge → MAC → where it should be, of these MACs."""
    found: dict[str, dict[str, _Home]] = defaultdict(dict)
    numbers = np.array([parse_mac(mac) for mac in suspects], np.uint64)
    for vni, rows in evidence.desired.rows.items():
        for mac, high, low in rows.fdb[np.isin(rows.fdb["mac"], numbers)].tolist():
            found[bridge_name(vni)][format_mac(mac)] = _Home(vxlan_name(vni), str(unpack_ip(high, low)))
    for each in evidence.desired.resources.values():
        if isinstance(each, Tap):
            found[each.bridge] |= {mac: _Home(each.name) for mac in each.macs & suspects}
    return found

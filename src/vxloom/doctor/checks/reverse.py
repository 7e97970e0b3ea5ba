"""Do tunnel packets come in by the device that the way back goes out by?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

_STRICT = 1
_SHOWN = 3
_ANYWHERE = "lo"
"""An address there may be reached by every device: nothing can be told of the way in."""

DROPS = Fault(
    code="rp-filter-drops",
    severity=Severity.ERROR,
    title="the kernel drops packets of other hosts, since the way back to them is another",
    meaning="A strict rp_filter takes a packet only by the device that leads back to its sender (RFC 3704): those hosts are not heard.",
    remedy="sysctl -w net.ipv4.conf.{where}.rp_filter=2 (loose; it counts only where conf.all is not 1), or mend the route",
    explains=frozenset({"route-asymmetric", "route-source", "path-closed", "path-loss"}),
)
ASYMMETRIC = Fault(
    code="route-asymmetric",
    severity=Severity.WARNING,
    title="the way to a VTEP leaves by another device than packets to this host's VTEP come in by",
    meaning="It works, until a firewall with connection tracking or a strict rp_filter meets one direction only.",
    remedy="ip route get {where}; see why that way is preferred",
    explains=frozenset({"route-source"}),
)
FAULTS = (DROPS, ASYMMETRIC)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Compare the device that has the VTEP with the devices of routes."""
    home = evidence.addresses.get(evidence.word.vtep, _ANYWHERE) if evidence.word else _ANYWHERE
    if home == _ANYWHERE or evidence.word is None:
        return
    routes = {remote: evidence.routes[remote] for remote in sorted(evidence.word.remotes & evidence.routes.keys())}
    others = {remote: route.device for remote, route in routes.items() if route.device not in {"", home, _ANYWHERE}}
    four = [remote for remote in others if ":" not in remote]
    if four and evidence.crossing.reverse_path == _STRICT and evidence.crossing.reverse_path_drops:
        by = f"{', '.join(f'{remote} by {others[remote]}' for remote in four[:_SHOWN])}{' …' if len(four) > _SHOWN else ''}"
        yield DROPS.found(
            home, expected=f"the way back by {home}", seen=f"{by}; {evidence.crossing.reverse_path_drops} packets dropped since the boot"
        )
    for remote, device in others.items():
        yield ASYMMETRIC.found(remote, expected=home, seen=device, remote=remote)

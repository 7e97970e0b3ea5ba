"""Do packets as large as the networks need pass between every two tunnel end points?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import CloudEvidence
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.path import Path

_LOSS = 0.1
"""Share of small probes without an answer from which on it is told of: three of 32."""
_SHOWN = 6

CLOSED = Fault(
    code="path-closed",
    severity=Severity.ERROR,
    title="tunnel packets do not reach another host",
    meaning="Machines here and there cannot talk: the UDP port is closed on the way or there, or there is no way at all.",
    remedy="ping {where}; see firewalls on both hosts (vxloom host plan --only firewall) and between them for UDP to the VXLAN port",
)
HOLE = Fault(
    code="path-mtu-hole",
    severity=Severity.ERROR,
    title="large tunnel packets vanish on the way to another host",
    meaning="Small frames pass and large ones do not: logins work and transfers hang.",
    remedy="raise the MTU of every link and tunnel on the way to {where}, or lower the networks' MTU",
)
LEG = Fault(
    code="path-leg",
    severity=Severity.ERROR,
    title="large tunnel packets vanish on one of several equal ways",
    meaning="Some connections between the two hosts work and others hang: a router chooses the way by the source port.",
    remedy="one member of a link bundle or one of the equal-cost routes towards {where} has a smaller MTU: compare them",
)
LOSS = Fault(
    code="path-loss",
    severity=Severity.WARNING,
    title="tunnel packets are lost on the way to another host",
    meaning="Everything is slow for machines that talk across it.",
    remedy="look at drops and errors of the links towards {where}: ip -s link",
)
FAULTS = (CLOSED, HOLE, LEG, LOSS)


def survey(cloud: CloudEvidence) -> Iterator[Finding]:
    """Judge each direction between two hosts of which the far one answered probes."""
    names = {host.vtep: host.name for host in cloud.hosts if host.listens}
    for host in cloud.hosts:
        for path in host.paths:
            if path.remote in names:
                yield from _judged(host.name, f"{path.remote} ({names[path.remote]})", path)


def _judged(host: str, where: str, path: Path) -> Iterator[Finding]:
    remedy = {fault.code: fault.remedy.replace("{where}", path.remote) for fault in FAULTS}
    needed = f"{path.needed} bytes"
    if not path.reached:
        yield CLOSED.found(where, expected="an answer", seen=f"none to {path.sent} probes", host=host, remedy=remedy[CLOSED.code])
        return
    if path.limit < path.needed:
        yield HOLE.found(where, expected=needed, seen=f"{path.limit} bytes at most", host=host, remedy=remedy[HOLE.code])
    elif path.legs_lost:
        ports = ", ".join(map(str, path.legs_lost[:_SHOWN])) + (" …" if len(path.legs_lost) > _SHOWN else "")
        seen = f"not from {len(path.legs_lost)} of {path.sent} source ports ({ports})"
        yield LEG.found(where, expected=f"{needed} from every source port", seen=seen, host=host, remedy=remedy[LEG.code])
    if path.lost >= _LOSS * path.sent:
        yield LOSS.found(where, expected="no loss", seen=f"{path.lost} of {path.sent} lost", host=host, remedy=remedy[LOSS.code])

"""Do packets as large as the networks need pass between every two tunnel end points?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import CloudEvidence, HostAnswer
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.path import Path

_LOSS = 0.1
"""Share of small probes without an answer from which on it is told of: three of 32."""
_SHOWN = 6

CLOSED = Fault(
    code="path-closed",
    severity=Severity.ERROR,
    title="tunnel packets do not reach another host",
    meaning="Machines here and there cannot talk: the UDP port is closed on the way to it or there, or there is no way at all.",
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
FRAMES = Fault(
    code="path-frames",
    severity=Severity.ERROR,
    title="full frames vanish between VXLAN devices though packets of their size pass",
    meaning="Machines that talk across it hang: what the kernel wraps does not arrive, a packet as large with another source port does.",
    remedy="see what filters or shapes tunnels by source port or checksum on the way to {where}: tcpdump -ni any udp port 4789",
    explains=frozenset({"path-segments"}),
)
SEGMENTS = Fault(
    code="path-segments",
    severity=Severity.ERROR,
    title="segments that the card cuts up do not arrive whole though packets of their size pass",
    meaning=(
        "Bulk transfers hang and everything else works: the card cuts tunnels' packets wrong or writes wrong checksums, or something on "
        "the way spoils them."
    ),
    remedy=(
        "on the sending host switch it off and measure again: ethtool -K DEVICE tx-udp_tnl-segmentation off "
        "tx-udp_tnl-csum-segmentation off; if that does not help, on the host with {where}: ethtool -K DEVICE gro off"
    ),
)
LOSS = Fault(
    code="path-loss",
    severity=Severity.WARNING,
    title="tunnel packets are lost on the way to another host",
    meaning="Everything is slow for machines that talk across it.",
    remedy="look at drops and errors of the links towards {where}: ip -s link",
)
FAULTS = (CLOSED, HOLE, LEG, FRAMES, SEGMENTS, LOSS)


def survey(cloud: CloudEvidence) -> Iterator[Finding]:
    """Judge each direction between two hosts of which the far one answered probes."""
    ends = {host.vtep: host for host in cloud.hosts if host.listens}
    for host in cloud.hosts:
        for path in host.paths:
            far = ends.get(path.remote)
            if far is None:
                continue
            where = f"{path.remote} ({far.name})"
            for fault, expected, seen in _judged(host, far, path):
                remedy = fault.remedy.replace("{where}", path.remote)
                yield fault.found(where, expected=expected, seen=seen, host=host.name, remote=path.remote, remedy=remedy)


def _judged(host: HostAnswer, far: HostAnswer, path: Path) -> Iterator[tuple[Fault, str, str]]:
    needed = f"{path.needed} bytes"
    if not path.reached:
        if not _only_answers_lost(host, far):
            arrived = "" if far.heard is None else "; they arrive there" if host.vtep in far.heard else "; none arrived there"
            yield CLOSED, "an answer", f"none to {path.sent} probes{arrived}"
        return
    if path.limit < path.needed:
        yield HOLE, needed, f"{path.limit} bytes at most"
    elif path.legs_lost:
        ports = ", ".join(map(str, path.legs_lost[:_SHOWN])) + (" …" if len(path.legs_lost) > _SHOWN else "")
        yield LEG, f"{needed} from every source port", f"not from {len(path.legs_lost)} of {path.sent} source ports ({ports})"
    if path.frames_lost:
        yield FRAMES, "all arrive", f"{path.frames_lost} of {path.frames_sent} never do"
    elif path.segments_lost:
        yield SEGMENTS, "all arrive", f"{path.segments_lost} of {path.segments_sent} never do"
    if path.lost >= _LOSS * path.sent:
        yield LOSS, "no loss", f"{path.lost} of {path.sent} lost"


def _only_answers_lost(host: HostAnswer, far: HostAnswer) -> bool:
    """Tell whether probes arrive and the way back is closed, which is told of as a finding of the far host's own."""
    if far.heard is None or host.heard is None or host.vtep not in far.heard or far.vtep in host.heard:
        return False
    return any(back.remote == host.vtep and not back.reached for back in far.paths)

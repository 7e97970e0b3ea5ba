"""vxloomDiagnose."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from vxloom.doctor.diagnosis import ranked, survey
from vxloom.doctor.evidence import CloudEvidence, HostAnswer
from vxloom.doctor.finding import Finding
from vxloom.errors import TransportError
from vxloom.model.wire import FINDINGS
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import same, select
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import records

PATIENCE = 15.0
"""Seconds a host has to look at itself."""
_AT_ONCE = 32
"""Hosts asked at the same time."""


class _Told(msgspec.Struct, frozen=True):
    """What a host answers; one that does not know the question answers something else."""

    findings: list[Finding]
    unknown: dict[str, str] = {}


class VxloomDiagnose(Command):
    """Asks hosts what is broken on them, and looks at all of them from here. vxloom's own; changes nothing.

    A host that does not answer is a finding itself. Simulated hosts have no kernel to look at and are left out.
    """

    name = "vxloomDiagnose"
    parameters = (
        Parameter("zoneid", Kind.UUID, "only hosts of this zone", related="listZones"),
        Parameter("hostid", Kind.UUID, "only this host", related="listHosts"),
    )
    answer = fields(
        """
hosts integer how many hosts were asked
finding list what is wrong, the worst first
unknown list what could not be looked at
""",
        finding=fields("""
code string what it is; it does not change, and the reference has a page of that name
severity string error, warning or note
title string what it is, in words
host string the host
where string device, VNI, address or file
expected string what should be
seen string what is
remedy string what to do
explains list what follows from it, as CODE WHERE; not listed by itself
"""),
        unknown=fields("""
host string the host
what string what was not looked at
why string the reason
"""),
    )
    example = "vxloomDiagnose zoneid=ID"

    def run(self, call: Call) -> Fields:
        """Return all findings; takes as long as the slowest host, 15 s at most for every 32 of them."""
        with call.read() as rx:
            for name, kind in (("zoneid", records.Zone), ("hostid", records.Host)):
                if wanted := call.arguments.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            hosts = select(rx, records.Host, same(call.arguments, zoneid="zone", hostid="id"))
        hosts = [host for host in hosts if host.hypervisor != records.Hypervisor.SIMULATOR]
        live = call.fleet.live()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="vxloom-diagnosis") as threads:
            told = list(threads.map(lambda host: _ask(call, host) if host.id in live else None, hosts))
        cloud = CloudEvidence(tuple(_answer(host, host.id in live, each) for host, each in zip(hosts, told, strict=True)))
        findings = [*survey(cloud), *(_named(finding, host) for host, finding in _findings(hosts, told))]
        unknown = [
            {"host": host.name, "what": what, "why": why}
            for host, each in zip(hosts, told, strict=True)
            if isinstance(each, _Told)
            for what, why in each.unknown.items()
        ]
        shown = [msgspec.to_builtins(finding) for finding in ranked(findings)]
        return one("diagnosis", {"hosts": len(hosts), "finding": shown, "unknown": unknown})


def _ask(call: Call, host: records.Host) -> _Told | str:
    """Return a host's findings, or why there are none."""
    try:
        return msgspec.json.decode(call.fleet.ask(host.id, FINDINGS, PATIENCE), type=_Told)
    except TransportError as error:
        return str(error)
    except msgspec.DecodeError:
        return "it does not know the question: upgrade its agent"


def _answer(host: records.Host, connected: bool, told: _Told | str | None) -> HostAnswer:  # noqa: FBT001 - a fact, not a switch
    return HostAnswer(host.name, connected, host.vtep or "", told if isinstance(told, str) else "")


def _findings(hosts: Sequence[records.Host], told: Sequence[_Told | str | None]) -> list[tuple[records.Host, Finding]]:
    return [(host, finding) for host, each in zip(hosts, told, strict=True) if isinstance(each, _Told) for finding in each.findings]


def _named(finding: Finding, host: records.Host) -> Finding:
    """A host is called as the cloud calls it, whatever it calls itself."""
    return msgspec.structs.replace(finding, host=host.name)

"""vxloomDiagnose."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from vxloom.doctor.diagnosis import ranked, survey
from vxloom.doctor.evidence import CloudEvidence, HostAnswer
from vxloom.doctor.finding import Finding
from vxloom.errors import TransportError
from vxloom.model.path import Path
from vxloom.model.wire import FINDINGS, LISTEN, PATHS
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import same, select
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import records

PATIENCE = 15.0
"""Seconds a host has to look at itself."""
MEASURING = 60.0
"""Seconds it has to measure its ways: three for each that is not well."""
_AT_ONCE = 32
"""Hosts asked at the same time."""


class _Told(msgspec.Struct, frozen=True):
    """What a host answers; one that does not know the question answers something else."""

    findings: list[Finding]
    unknown: dict[str, str] = {}


class _Listening(msgspec.Struct, frozen=True):
    listening: bool


class _Measured(msgspec.Struct, frozen=True):
    paths: list[Path]


Told = TypeVar("Told", _Told, _Listening, _Measured)


class VxloomDiagnose(Command):
    """Asks hosts what is broken on them, and looks at all of them from here. vxloom's own; changes nothing.

    A host that does not answer is a finding itself. Simulated hosts have no kernel to look at and are left out.
    """

    name = "vxloomDiagnose"
    parameters = (
        Parameter("zoneid", Kind.UUID, "only hosts of this zone", related="listZones"),
        Parameter("hostid", Kind.UUID, "only this host", related="listHosts"),
        Parameter("paths", Kind.BOOLEAN, "also send probes between all hosts, as large as their networks need"),
    )
    answer = fields(
        """
hosts integer how many hosts were asked
finding list what is wrong, the worst first
unknown list what could not be looked at
path list the ways between hosts, where they were asked for
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
        path=fields("""
host string the host that sent
remote string the tunnel end point it sent to
remotehost string the host that has it
needed integer bytes of an outer IP packet that the largest network of both needs
reached boolean whether anything was answered
limit integer bytes of the largest that passes, needed at most
sent integer small probes
lost integer those without an answer
round_trip float milliseconds, the median
legs_lost list UDP source ports with which packets of needed bytes never pass, though they do with others
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
        answers, findings, unknown = _asked(call, hosts, paths=call.arguments.flag("paths"))
        findings += survey(CloudEvidence(tuple(answers)))
        names = {answer.vtep: answer.name for answer in answers}
        ways = [
            {"host": answer.name, "remotehost": names.get(path.remote), **msgspec.to_builtins(path)}
            for answer in sorted(answers, key=lambda each: each.name)
            for path in answer.paths
        ]
        shown = [msgspec.to_builtins(finding) for finding in ranked(findings)]
        return one("diagnosis", {"hosts": len(hosts), "finding": shown, "unknown": unknown, "path": ways})


def _asked(call: Call, hosts: Sequence[records.Host], *, paths: bool) -> tuple[list[HostAnswer], list[Finding], list[Fields]]:
    """Ask all hosts at once; return what is known of each, what they find, and what they could not look at."""
    live = call.fleet.live()
    present = [host for host in hosts if host.id in live]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="vxloom-diagnosis") as threads:

        def told(what: str, kind: type[Told], patience: float = PATIENCE) -> dict[str, Told | str]:
            return dict(
                zip((h.id for h in present), threads.map(lambda host: _ask(call, host, what, kind, patience), present), strict=True)
            )

        found = told(FINDINGS, _Told)
        listening = told(LISTEN, _Listening) if paths else {}
        measured = told(PATHS, _Measured, MEASURING) if paths else {}
    answers = [
        HostAnswer(
            host.name,
            host.id in live,
            host.vtep,
            silence=_why(found.get(host.id)) or _why(measured.get(host.id)),
            listens=isinstance(word := listening.get(host.id), _Listening) and word.listening,
            paths=tuple(ways.paths) if isinstance(ways := measured.get(host.id), _Measured) else (),
        )
        for host in hosts
    ]
    whole = [(host, each) for host in present if isinstance(each := found[host.id], _Told)]
    findings = [_named(finding, host) for host, each in whole for finding in each.findings]
    return answers, findings, [{"host": host.name, "what": w, "why": y} for host, each in whole for w, y in each.unknown.items()]


def _why(told: object) -> str:
    return told if isinstance(told, str) else ""


def _ask(call: Call, host: records.Host, what: str, kind: type[Told], patience: float) -> Told | str:
    """Return a host's answer, or why there is none."""
    try:
        return msgspec.json.decode(call.fleet.ask(host.id, what, patience), type=kind)
    except TransportError as error:
        return str(error)
    except msgspec.DecodeError:
        return "it does not know the question: upgrade its agent"


def _named(finding: Finding, host: records.Host) -> Finding:
    """A host is called as the cloud calls it, whatever it calls itself."""
    return msgspec.structs.replace(finding, host=host.name)

"""vxloomDiagnose."""

from __future__ import annotations

import secrets
from collections.abc import Collection

import msgspec
import structlog

from vxloom.doctor.diagnosis import ranked
from vxloom.errors import RequestError, StateError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.diagnosis import PathPlan, Told, ask_hosts, ask_paths, keep, plan_paths, real
from vxloom.server.listing import same, select
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import Store, records

_log = structlog.get_logger(__name__)


class VxloomDiagnose(Command):
    """Asks hosts what is broken on them, and looks at all of them from here. vxloom's own; changes nothing on them.

    What is found is an alert, too, while it lasts. A host that does not answer is a finding itself. Simulated hosts have no kernel to look
    at and are left out.
    """

    name = "vxloomDiagnose"
    parameters = (
        Parameter("zoneid", Kind.UUID, "only hosts of this zone", related="listZones"),
        Parameter("hostid", Kind.UUID, "only this host", related="listHosts"),
        Parameter("paths", Kind.BOOLEAN, "also send probes between hosts that share a network, as large as it needs"),
        Parameter("sample", Kind.INTEGER, "so many directions where there are more; default: vxloom.path.sample"),
        Parameter(
            "seed", Kind.INTEGER, "which ones: the same number, the same sample as long as the same hosts are there; default: a random one"
        ),
    )
    answer = fields(
        """
hosts integer how many hosts were asked
finding list what is wrong, the worst first
unknown list what could not be looked at
path list the ways between hosts, where they were asked for
coverage map of them: measured, total (between hosts that share a network and have a stream), hosts, those that sent and heard, seed
""",
        finding=fields("""
code string what it is; it does not change, and the reference has a page of that name
severity string error, warning or note
title string what it is, in words
host string the host
where string device, VNI, address or file
remote string the tunnel end point at the other end, of a finding about the way to it
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
frames_sent integer frames as large as guests may send, through the sender's own VXLAN device; 0: packets of that size do not pass anyway
frames_lost integer those that never arrive
segments_sent integer segments four times as large, for the card to cut into such packets
segments_lost integer those that never arrive whole
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
        """Return all findings; takes as long as the slowest host, 15 s at most for every 32 of them; with paths, longer."""
        given = call.arguments
        number, seed = given.number("sample"), given.number("seed")
        if (number is not None and number < 1) or (seed is not None and seed < 0):
            raise RequestError("sample needs 1 or more, seed 0 or more")
        with call.read() as rx:
            for name, kind in (("zoneid", records.Zone), ("hostid", records.Host)):
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            hosts = real(select(rx, records.Host, same(given, zoneid="zone", hostid="id")))
        if given.flag("paths"):
            plan = plan_paths(call.store, call.fleet, hosts, seed=secrets.randbelow(1 << 31) if seed is None else seed, number=number)
            told = ask_paths(call.fleet, plan.hosts, plan.sample, plan.rate, examined={host.id for host in hosts})
        else:
            plan, told = None, ask_hosts(call.fleet, hosts)
        _keep(call.store, told, whole=() if given.filled("hostid") else {host.zone for host in hosts})
        shown = [msgspec.to_builtins(finding) for finding in ranked(finding for _, finding in told.diagnosis())]
        named = {host.id: host.name for host in told.hosts}
        unknown = [{"host": named[host], "what": what, "why": why} for host, all_of in told.unknown.items() for what, why in all_of.items()]
        answer: Fields = {"hosts": len(hosts), "finding": shown, "unknown": unknown, "path": _ways(told)}
        return one("diagnosis", answer if plan is None else {**answer, "coverage": _coverage(told, plan)})


def _ways(told: Told) -> list[Fields]:
    names = {(host.zone, host.vtep): host.name for host in told.hosts}
    return [
        {"host": host.name, "remotehost": names.get((host.zone, path.remote)), **msgspec.to_builtins(path)}
        for host in sorted(told.hosts, key=lambda each: each.name)
        for path in told.answers[host.id].paths
    ]


def _coverage(told: Told, plan: PathPlan) -> Fields:
    listening = told.listening
    ways = [(host, path.remote) for host in told.hosts for path in told.answers[host.id].paths if (host.zone, path.remote) in listening]
    return {
        "measured": len(ways),
        "total": plan.sample.total,
        "hosts": len(plan.sample.ends),
        "sent": len({host.id for host, _ in ways}),
        "heard": len({(host.zone, remote) for host, remote in ways}),
        "seed": plan.sample.seed,
    }


def _keep(store: Store, told: Told, whole: Collection[str]) -> None:
    """Make alerts of what was found. Who asked is answered in any case."""
    try:
        keep(store, told, whole=whole)
    except StateError as error:
        _log.error("what was found is not in the alerts", error=str(error))

"""Questions to many hosts at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from vxloom.doctor.diagnosis import survey
from vxloom.doctor.evidence import CloudEvidence, HostAnswer
from vxloom.doctor.finding import Finding
from vxloom.errors import TransportError
from vxloom.model.path import Path
from vxloom.model.wire import FINDINGS, LISTEN, PATHS
from vxloom.server.fleet import Fleet
from vxloom.store import records

PATIENCE = 15.0
"""Seconds a host has to look at itself."""
MEASURING = 60.0
"""Seconds it has to measure its ways: three for each that is not well."""
AT_ONCE = 32
"""Hosts asked at the same time."""


class Findings(msgspec.Struct, frozen=True):
    """What a host answers; one that does not know the question answers something else."""

    findings: list[Finding]
    unknown: dict[str, str] = {}
    clock: float = 0.0
    """Its Unix time when it answered; 0: its agent does not tell."""


class Listening(msgspec.Struct, frozen=True):
    """Whether a host answers probes now."""

    listening: bool
    heard: frozenset[str] | None = None
    """VTEPs whose probes arrived since it was last asked; None: its agent does not tell."""


class Measured(msgspec.Struct, frozen=True):
    """The ways it measured."""

    paths: list[Path]


Answer = TypeVar("Answer", Findings, Listening, Measured)


@dataclass(frozen=True, slots=True)
class Told:
    """What hosts told of themselves, and what is seen by looking at all of them. Hosts are named as the cloud names them."""

    hosts: tuple[records.Host, ...]
    """Who was asked, or would have been had it been there."""
    answers: Mapping[str, HostAnswer]
    """Host id → its answer; every host has one."""
    findings: Mapping[str, tuple[Finding, ...]]
    """Host id → what it found of itself; only hosts that answered."""
    unknown: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Host id → what it could not look at → why."""
    began: float = field(default_factory=time.time)
    """When the first was asked, Unix time."""

    def diagnosis(self) -> list[tuple[str, Finding]]:
        """Return all that is wrong, each with the id of its host: what hosts told, and what is seen from here, consequences below causes.

        Zone by zone: two zones may use the same addresses.
        """
        zones: dict[str, list[records.Host]] = {}
        for host in self.hosts:
            zones.setdefault(host.zone, []).append(host)
        found: list[tuple[str, Finding]] = []
        for hosts in zones.values():
            ids = {host.name: host.id for host in hosts}
            own = [finding for host in hosts for finding in self.findings.get(host.id, ())]
            cloud = CloudEvidence(tuple(self.answers[host.id] for host in hosts))
            found += [(ids[finding.host], finding) for finding in survey(cloud, own)]
        return found


def ask_hosts(fleet: Fleet, hosts: Sequence[records.Host], *, paths: bool = False, at_once: int = AT_ONCE) -> Told:
    """Ask hosts for their findings, with ``paths`` for the ways between them, too. Takes as long as the slowest: 15 s for ``at_once``."""
    began, live = time.time(), fleet.live()
    present = [host for host in hosts if host.id in live]
    with ThreadPoolExecutor(at_once, thread_name_prefix="vxloom-diagnosis") as threads:

        def told(what: str, kind: type[Answer], patience: float = PATIENCE) -> dict[str, Answer | str]:
            return dict(
                zip((h.id for h in present), threads.map(lambda host: _ask(fleet, host, what, kind, patience), present), strict=True)
            )

        listening = told(LISTEN, Listening) if paths else {}
        measured = told(PATHS, Measured, MEASURING) if paths else {}
        heard = told(LISTEN, Listening) if paths else {}
        asked = list(
            threads.map(lambda host: _ask_findings(fleet, host), present)
        )  # at last: by now routers have said what they have to say
    found = {host.id: answer for host, (answer, _) in zip(present, asked, strict=True)}
    skews = {host.id: skew for host, (_, skew) in zip(present, asked, strict=True)}
    answers = {
        host.id: HostAnswer(
            host.name,
            host.id in live,
            host.vtep,
            silence=_why(found.get(host.id)) or _why(measured.get(host.id)),
            skew=skews.get(host.id, 0.0),
            listens=isinstance(word := listening.get(host.id), Listening) and word.listening,
            heard=ears.heard if isinstance(ears := heard.get(host.id), Listening) else None,
            paths=tuple(ways.paths) if isinstance(ways := measured.get(host.id), Measured) else (),
        )
        for host in hosts
    }
    whole = [(host, each) for host in present if isinstance(each := found[host.id], Findings)]
    return Told(
        tuple(hosts),
        answers,
        {host.id: tuple(_named(finding, host) for finding in each.findings) for host, each in whole},
        {host.id: each.unknown for host, each in whole},
        began,
    )


def _ask_findings(fleet: Fleet, host: records.Host) -> tuple[Findings | str, float]:
    """Return a host's answer, and by how much its clock is certainly apart."""
    before = time.time()
    answer = _ask(fleet, host, FINDINGS, Findings, PATIENCE)
    clock = answer.clock if isinstance(answer, Findings) else 0.0
    return answer, apart(clock, before, time.time()) if clock else 0.0


def apart(clock: float, before: float, after: float) -> float:
    """Return by how much a clock that was read between two moments lies outside them: ahead, or behind (negative)."""
    return max(0.0, clock - after) + min(0.0, clock - before)


def _why(told: object) -> str:
    return told if isinstance(told, str) else ""


def _ask(fleet: Fleet, host: records.Host, what: str, kind: type[Answer], patience: float) -> Answer | str:
    """Return a host's answer, or why there is none."""
    try:
        return msgspec.json.decode(fleet.ask(host.id, what, patience), type=kind)
    except TransportError as error:
        return str(error)
    except msgspec.DecodeError:
        return "it does not know the question: upgrade its agent"


def _named(finding: Finding, host: records.Host) -> Finding:
    """A host is called as the cloud calls it, whatever it calls itself."""
    return msgspec.structs.replace(finding, host=host.name)

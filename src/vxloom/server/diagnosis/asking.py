"""Questions to many hosts at once."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TypeVar

import msgspec

from vxloom.doctor.check import registry
from vxloom.doctor.diagnosis import survey
from vxloom.doctor.evidence import CloudEvidence, HostAnswer, SegmentDigest
from vxloom.doctor.finding import Finding
from vxloom.errors import TransportError
from vxloom.model.path import Measuring, Path
from vxloom.model.wire import FINDINGS, LISTEN, PATHS
from vxloom.server.diagnosis.sample import Sample
from vxloom.server.fleet import Fleet
from vxloom.store import records

PATIENCE = 15.0
"""Seconds a host has to look at itself."""
_SETTLED = 1.5
"""Seconds in which a change that is on its way has reached everybody."""
_EACH, _MOST = 4.0, 400
"""Seconds and probes that a way may take besides, which is not well."""
AT_ONCE = 32
"""Hosts asked at the same time."""


class Findings(msgspec.Struct, frozen=True):
    """What a host answers; one that does not know the question answers something else."""

    findings: list[Finding]
    unknown: dict[str, str] = {}
    clock: float = 0.0
    """Its Unix time when it answered; 0: its agent does not tell."""
    segments: dict[int, SegmentDigest] = {}


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
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Id of each host that measured → the VTEPs it was asked to measure the way to."""

    @property
    def listening(self) -> frozenset[tuple[str, str]]:
        """Zones and VTEPs of those who answered probes. Of one who did not nothing is known: it may have no segment any more."""
        return frozenset((host.zone, host.vtep) for host in self.hosts if self.answers[host.id].listens)

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


def ask_hosts(fleet: Fleet, hosts: Sequence[records.Host], *, at_once: int = AT_ONCE) -> Told:
    """Ask hosts for their findings. Takes as long as the slowest: 15 s for ``at_once``."""
    asking = _Asking(fleet, hosts, at_once)
    with asking.threads:
        found = asking.findings()
    return asking.together(found)


def ask_paths(
    fleet: Fleet, hosts: Sequence[records.Host], sample: Sample, rate: float, *, examined: Collection[str] = (), at_once: int = AT_ONCE
) -> Told:
    """Have the ways of a sample measured, ``rate`` probes a second by each host. ``hosts``: at least all ends of it; of those in
    ``examined`` the findings are asked for, too.
    """
    asking = _Asking(fleet, hosts, at_once)
    vteps = {host.id: host.vtep for host in hosts}
    wanted = {
        sender: Measuring(tuple(vteps[remote] for remote in remotes if remote in vteps), rate)
        for sender, remotes in sample.directions.items()
    }
    with asking.threads:
        listening = asking.told(LISTEN, Listening, sample.ends)
        measured = asking.told(PATHS, Measured, wanted, about=wanted)
        heard = asking.told(LISTEN, Listening, sample.ends)
        found = asking.findings(examined)  # at last: by now routers have said what they have to say
    return asking.together(found, listening, measured, heard, wanted)


class _Asking:
    """One look at many hosts: questions to all of them at once, and their answers put together."""

    def __init__(self, fleet: Fleet, hosts: Sequence[records.Host], at_once: int) -> None:
        self.began = time.time()
        self.threads = ThreadPoolExecutor(at_once, thread_name_prefix="vxloom-diagnosis")
        self._fleet = fleet
        self._hosts = hosts
        self._live = fleet.live()
        self._skews: dict[str, float] = {}
        """Host id → by how much its clock is certainly apart."""

    def told(
        self, what: str, kind: type[Answer], hosts: Collection[str] | None = None, about: Mapping[str, Measuring] | None = None
    ) -> dict[str, Answer | str]:
        """Return the answers, or why there is none, of those of ``hosts`` (None: all) that have a stream."""
        asked = [host.id for host in self._hosts if host.id in self._live and (hosts is None or host.id in hosts)]

        def ask(host: str) -> Answer | str:
            matter = about[host] if about else None
            patience = (
                PATIENCE if matter is None or matter.remotes is None else PATIENCE + len(matter.remotes) * (_EACH + _MOST / matter.rate)
            )
            before = time.time()
            answer = _ask(self._fleet, host, what, kind, patience, b"" if matter is None else msgspec.json.encode(matter))
            if isinstance(answer, Findings) and answer.clock:
                self._skews[host] = apart(answer.clock, before, time.time())
            return answer

        return dict(zip(asked, self.threads.map(ask, asked), strict=True))

    def findings(self, hosts: Collection[str] | None = None) -> dict[str, Findings | str]:
        """Return what hosts find; who differs from others is asked again: it may just have been changing."""
        found = self.told(FINDINGS, Findings, hosts)
        if doubted := differing(self.together(found)):
            time.sleep(_SETTLED)
            found |= self.told(FINDINGS, Findings, doubted)
        return found

    def together(
        self,
        found: Mapping[str, Findings | str],
        listening: Mapping[str, Listening | str] = MappingProxyType({}),
        measured: Mapping[str, Measured | str] = MappingProxyType({}),
        heard: Mapping[str, Listening | str] = MappingProxyType({}),
        wanted: Mapping[str, Measuring] = MappingProxyType({}),
    ) -> Told:
        answers = {
            host.id: HostAnswer(
                host.name,
                host.id in self._live,
                host.vtep,
                silence=_why(found.get(host.id)) or _why(measured.get(host.id)),
                skew=self._skews.get(host.id, 0.0),
                segments=_segments(found.get(host.id)),
                listens=isinstance(word := listening.get(host.id), Listening) and word.listening,
                heard=ears.heard if isinstance(ears := heard.get(host.id), Listening) else None,
                paths=tuple(ways.paths) if isinstance(ways := measured.get(host.id), Measured) else (),
            )
            for host in self._hosts
        }
        whole = [(host, each) for host in self._hosts if isinstance(each := found.get(host.id), Findings)]
        return Told(
            tuple(self._hosts),
            answers,
            {host.id: tuple(_named(finding, host) for finding in each.findings) for host, each in whole},
            {host.id: each.unknown for host, each in whole},
            self.began,
            {host: frozenset(each.remotes or ()) for host, each in wanted.items() if isinstance(measured.get(host), Measured)},
        )


def _segments(told: object) -> Mapping[int, SegmentDigest]:
    """Return what is compared with other hosts: nothing where the host itself finds something about its tables."""
    own = isinstance(told, Findings) and not any(finding.code in _own_word() for finding in told.findings)
    return told.segments if isinstance(told, Findings) and own else {}


@cache
def _own_word() -> frozenset[str]:
    return frozenset(fault.code for name in ("agent", "devices", "rows") for fault in registry()[name].faults)


def differing(told: Told) -> frozenset[str]:
    """Return the ids of the hosts that hold something else of a segment than others."""
    codes = {fault.code for fault in registry()["segments"].faults}
    return frozenset(host for host, finding in told.diagnosis() if finding.code in codes)


def apart(clock: float, before: float, after: float) -> float:
    """Return by how much a clock that was read between two moments lies outside them: ahead, or behind (negative)."""
    return max(0.0, clock - after) + min(0.0, clock - before)


def _why(told: object) -> str:
    return told if isinstance(told, str) else ""


def _ask(fleet: Fleet, host: str, what: str, kind: type[Answer], patience: float, about: bytes) -> Answer | str:
    """Return a host's answer, or why there is none."""
    try:
        return msgspec.json.decode(fleet.ask(host, what, patience, about), type=kind)
    except TransportError as error:
        return str(error)
    except msgspec.DecodeError:
        return "it does not know the question: upgrade its agent"


def _named(finding: Finding, host: records.Host) -> Finding:
    """A host is called as the cloud calls it, whatever it calls itself."""
    return msgspec.structs.replace(finding, host=host.name)

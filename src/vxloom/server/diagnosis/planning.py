"""Which hosts are asked, and which ways between them are measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vxloom.doctor.check import registry
from vxloom.server.diagnosis.sample import Direction, Sample, draw
from vxloom.server.fleet import Fleet
from vxloom.store import ReadTransaction, Store, records


@dataclass(frozen=True, slots=True)
class PathPlan:
    """A measurement that is to be made."""

    hosts: tuple[records.Host, ...]
    """Those asked for, and all others at the ends of the sample."""
    sample: Sample
    rate: float
    """Probes a second of each host."""


def real(hosts: Iterable[records.Host]) -> list[records.Host]:
    """Return the hosts that have a kernel to look at."""
    return [host for host in hosts if host.hypervisor != records.Hypervisor.SIMULATOR]


def plan_paths(store: Store, fleet: Fleet, hosts: Sequence[records.Host], *, seed: int, number: int | None = None) -> PathPlan:
    """Draw ``number`` directions (None: the setting's) in which ``hosts`` send, to hosts that have a stream and a network in common."""
    live, named = fleet.live(), {host.id: host for host in hosts}
    with store.read() as rx:
        zones = {host.zone for host in hosts}
        there = {host.id: host for host in real(rx.all(records.Host, zone=zones)) if host.id in live} if zones else {}
        senders = None if there.keys() <= named.keys() else frozenset(named)
        number = number if number is not None else rx.setting_int("vxloom.path.sample")
        sample = draw(rx.segments_hosts(there.keys()), number, seed, senders=senders, first=_doubtful(rx, there.values()))
        rate = rx.setting_float("vxloom.path.rate")
    ends = tuple(there[host] for host in sorted(sample.ends - named.keys()))
    return PathPlan((*hosts, *ends), sample, rate)


def _doubtful(rx: ReadTransaction, hosts: Collection[records.Host]) -> list[Direction]:
    """Return the directions of which something was wrong when they were measured last."""
    ids = {(host.zone, host.vtep): host.id for host in hosts}
    zones = {host.id: host.zone for host in hosts}
    codes = [fault.code for fault in registry()["paths"].faults]
    told = [alert.subject.split(" ")[:2] for alert in rx.all(records.Alert, name=codes, resolved=None)]
    ways = [*((host, remote) for host, remote in told), *((row.host, row.remote) for row in rx.all(records.NarrowPath))]
    return [(host, ids[zones[host], remote]) for host, remote in ways if host in zones and (zones[host], remote) in ids]

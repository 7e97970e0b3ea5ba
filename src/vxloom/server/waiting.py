"""Whom a job waits for, and what came of it (law 9: jobs end).

*must*: the hosts the job is about; without their word it fails. *peers*: the other hosts of the segment; they are waited for while they
have a stream, and named in the result when they are down or silent: they are told when they come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vxloom.server.responses import Fields, without_none
from vxloom.store import ReadTransaction, Transaction, records

SILENT = "host.silent"
"""Alert: a host with a stream did not acknowledge in time. (One without a stream has an alert of the gateway's.)"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the waiting of a job's phase ended. Both empty: everybody acknowledged."""

    silent: tuple[str, ...] = ()
    """Names of the *must* hosts that said nothing until the deadline."""
    pending: tuple[str, ...] = ()
    """Names of the peers that are not there yet."""
    quiet: tuple[str, ...] = ()
    """Ids of those of both that have a stream."""

    @property
    def pendinghosts(self) -> list[str] | None:
        """What the result shows: the pending peers' names, or nothing at all."""
        return list(self.pending) or None


@dataclass(frozen=True, slots=True)
class Step:
    """What a command gets to carry a job one phase further: everything happens in this one transaction."""

    tx: Transaction
    job: records.Job
    outcome: Outcome
    live: frozenset[str] = frozenset()
    """Ids of the hosts that have a stream now."""
    strained: Mapping[str, str] = field(default_factory=dict)
    """Host id → why it is the last choice for a machine."""

    def text(self, key: str) -> str:
        """Return an entry of the job's context."""
        return str(self.job.context[key])


CHILDREN = "children"
"""Entry of a job's context: ids of the jobs that must have ended before it goes on. They end (law 9), so it does."""


def children_of(job: records.Job) -> frozenset[str]:
    """Return the ids of the jobs that a job waits for."""
    children = job.context.get(CHILDREN)
    return frozenset(map(str, children)) if isinstance(children, list) else frozenset()


def wait_for_ports(tx: Transaction, job: records.Job, host: str, networks: Iterable[str]) -> None:
    """Make a job wait until ``host`` has its document, and the tables of these of its networks, in its kernel."""
    tx.wait_host(job.id, host, records.WaitRole.MUST)
    for network in networks:
        if host in tx.segment_hosts(network):
            tx.wait_segment(job.id, host, records.WaitRole.MUST, network)


def wait_for_peers(tx: Transaction, job: records.Job, networks: Iterable[str], *, but: Iterable[str]) -> None:
    """Make a job wait for the other hosts of these networks, as long as they have a stream."""
    excluded = set(but)
    for network in networks:
        for host in tx.segment_hosts(network):
            if host not in excluded:
                tx.wait_segment(job.id, host, records.WaitRole.PEER, network)


def wait_until_forgotten(tx: Transaction, job: records.Job, zone: str, vni: int | None) -> None:
    """Make a job wait for the hosts that were told of a VNI and have not yet said that nothing of it is left."""
    if vni is None:
        return
    believers = {row.host for row in tx.all(records.Belief, zone=zone, kind=records.BeliefKind.SEGMENT, key=str(vni))}
    for host in sorted(believers):
        tx.touch_host(host)
        tx.wait_host(job.id, host, records.WaitRole.PEER)


def names(rx: ReadTransaction, hosts: Iterable[str]) -> list[str]:
    """Return hosts' names, sorted; the id where there is no such host any more."""
    ids = set(hosts)
    known = {host.id: host.name for host in rx.all(records.Host, id=ids)} if ids else {}
    return sorted(known.get(host, host) for host in ids)


def end(step: Step, result: Fields) -> None:
    """End a job well; ``result`` is the ``jobresult``, in which None means "leave it out"."""
    step.tx.finish_job(step.job.id, dict(without_none(result)))


def fail(tx: Transaction, job: records.Job, text: str, *, code: int = 530) -> None:
    """End a job as failed; ``text`` is what its owner reads."""
    tx.finish_job(job.id, {"errorcode": code, "errortext": text}, failed=True, code=code)

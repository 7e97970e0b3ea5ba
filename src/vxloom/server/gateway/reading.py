"""One consistent look into the store, compiled into what hosts are sent. Runs in a thread."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from vxloom.compiler.document import compile_document
from vxloom.compiler.segments import compile_segments
from vxloom.errors import VxloomError
from vxloom.model.host import HostDocument
from vxloom.model.segment import SegmentTable
from vxloom.server.authority import SIMULATED
from vxloom.store import ReadTransaction, Store, records

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the zone's feed needs to know. Sets are copies: the look happens in another thread."""

    zone: str
    after: int | None
    """Zone revision already published; None: nothing is, so there are no changes to look at."""
    connected: frozenset[str]
    """Hosts with a stream: only they need documents."""
    hosts: frozenset[str]
    """Of those, the ones whose document is wanted in any case."""
    cached: dict[str, int]
    """Network id → VNI of the segments held compiled."""


@dataclass(slots=True)
class Look:
    """What the store said, at one revision."""

    revision: int
    nonce: str
    documents: dict[str, HostDocument] = field(default_factory=dict)
    serials: dict[str, frozenset[str]] = field(default_factory=dict)
    """Host → serial numbers of its valid certificates, for every host looked at. Empty: the host was removed."""
    segments: dict[int, SegmentTable] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    """VNIs that were cached and are no network's any more."""


def look(store: Store, wanted: Wanted) -> Look:
    """Return everything that changed after ``wanted.after``, and what was asked for besides."""
    with store.read() as rx:
        revision, nonce = rx.zone_revision(wanted.zone)
        found = Look(revision, nonce)
        hosts, networks = set(wanted.hosts), set[str]()
        if wanted.after is not None and revision != wanted.after:
            for change in rx.changes(wanted.zone, wanted.after):
                if change.kind == "segment" and change.key in wanted.cached:
                    networks.add(change.key)
                elif change.kind == "host" and change.key in wanted.connected:
                    hosts.add(change.key)
        for host in hosts:
            networks |= _host(rx, host, found, wanted.cached)
        _segments(rx, networks, found)
    found.gone = {vni for network in networks if (vni := wanted.cached.get(network)) is not None} - found.segments.keys()
    return found


def _host(rx: ReadTransaction, host: str, found: Look, cached: dict[str, int]) -> set[str]:
    """Add one host's document; return the networks it needs that are not compiled yet."""
    found.serials[host] = _serials(rx, rx.get(records.Host, host))
    if not found.serials[host]:
        return set()
    held = rx.host_intent(host)
    try:
        document = compile_document(
            held.intent,
            host,
            held.revision,
            held.segments,
            held.gone_ports,
            held.gone_segments,
            removal_share=rx.setting_float("vxloom.removal.share", held.intent.zone),
            storm_limit=rx.setting_int("vxloom.port.storm.limit", held.intent.zone),
        )
    except VxloomError as error:  # this host keeps what it has; all others go on
        _log.error("host %s: its document cannot be compiled: %s", host, error)
        return set()
    found.documents[host] = document
    return {network.id for network in held.intent.networks if cached.get(network.id) != network.vni}


def _serials(rx: ReadTransaction, host: records.Host | None) -> frozenset[str]:
    if host is None:
        return frozenset()
    if host.hypervisor == records.Hypervisor.SIMULATOR:
        return frozenset({SIMULATED})
    return frozenset(certificate.id for certificate in rx.all(records.Certificate, host=host.id))


def _segments(rx: ReadTransaction, networks: Iterable[str], found: Look) -> None:
    ids = tuple(networks)
    if not ids:
        return
    revisions = dict(rx.segment_revisions(ids).values())
    for vni, table in _compiled(rx, ids).items():
        # A table bears the revision of the segment's last change: unchanged segments look unchanged after a restart.
        found.segments[vni] = replace(table, revision=revisions.get(vni, table.revision))


def _compiled(rx: ReadTransaction, networks: tuple[str, ...]) -> dict[int, SegmentTable]:
    """Compile all at once; where one contradicts itself, one by one, so that it stops nobody but itself."""
    try:
        return compile_segments(rx.intent(networks))
    except VxloomError as error:
        if len(networks) == 1:
            _log.error("network %s: its segment cannot be compiled: %s", networks[0], error)
            return {}
    return {vni: table for network in networks for vni, table in _compiled(rx, (network,)).items()}

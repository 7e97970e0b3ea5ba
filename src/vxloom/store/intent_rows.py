"""From rows to intent, in bulk: a fixed number of queries whatever the number of NICs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from vxloom.model import intent as model
from vxloom.store import records as r
from vxloom.store.prefixes import Subnet, subnet_of, subnets_of
from vxloom.store.schema import TABLES

DEFAULT_MTU = 1450
"""Of a network implemented before any host reported its underlay: 1500 − 50 (IPv4 underlay)."""

_RUNNING = frozenset({r.VmState.STARTING, r.VmState.RUNNING, r.VmState.MIGRATING})

_Clause = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class HostIntent:
    """What one host is to know besides its segments' tables."""

    intent: model.Intent
    """The host, its bound NICs, their networks; further hosts only as the NICs' other bindings name them."""
    revision: int
    """Of the host document."""
    gone_ports: tuple[str, ...]
    """NIC ids withdrawn and not yet acknowledged."""
    gone_segments: tuple[int, ...]
    """VNIs withdrawn and not yet acknowledged."""
    segments: dict[int, int]
    """VNI → revision of its table."""


@dataclass(slots=True)
class _Rows:
    networks: dict[str, model.Network] = field(default_factory=dict)
    nics: dict[str, model.Nic] = field(default_factory=dict)
    hosts: dict[str, model.Host] = field(default_factory=dict)
    zones: set[str] = field(default_factory=set)
    revisions: dict[int, int] = field(default_factory=dict)
    subnets: dict[str, tuple[Subnet, ...]] = field(default_factory=dict)
    """Of networks that ranges were added to."""


def segments(connection: sa.Connection, epoch: str, parts: list[list[str]], zone_id: str | None) -> model.Intent:
    """Return the intent of some networks, given as lists short enough for one IN."""
    rows = _Rows()
    networks = TABLES[r.Network]
    for part in parts:
        _load(connection, rows, networks.c.id.in_(part))
    zones = rows.zones | ({zone_id} if zone_id else set())
    if len(zones) > 1:
        raise ValueError(f"networks of several zones asked for at once: {sorted(zones)}")
    return _intent(connection, epoch, next(iter(zones), ""), rows)


def zone(connection: sa.Connection, epoch: str, zone_id: str) -> model.Intent:
    """Return the intent of a whole zone."""
    rows = _Rows()
    _load(connection, rows, TABLES[r.Network].c.zone == zone_id)
    _load_hosts(connection, rows, TABLES[r.Host].c.zone == zone_id)
    return _intent(connection, epoch, zone_id, rows)


def host(connection: sa.Connection, epoch: str, host_id: str) -> HostIntent:
    """Return the intent of one host: only what is bound to it."""
    hosts, bindings, beliefs, nics = TABLES[r.Host], TABLES[r.Binding], TABLES[r.Belief], TABLES[r.Nic]
    row = connection.execute(sa.select(hosts.c.zone, hosts.c.revision).where(hosts.c.id == host_id)).first()
    if row is None:
        raise LookupError(f"no host {host_id}")
    rows = _Rows()
    mine = sa.select(bindings.c.nic).where(bindings.c.host == host_id)
    in_my_networks = TABLES[r.Network].c.id.in_(sa.select(nics.c.network).where(nics.c.id.in_(mine)))
    _load(connection, rows, in_my_networks, nics.c.id.in_(mine))
    _load_hosts(connection, rows, hosts.c.id == host_id)
    gone = connection.execute(
        sa.select(beliefs.c.kind, beliefs.c.key)
        .where(beliefs.c.host == host_id, beliefs.c.gone_revision.is_not(None))
        .order_by(beliefs.c.kind, beliefs.c.key)
    ).all()
    return HostIntent(
        _intent(connection, epoch, row.zone, rows),
        row.revision,
        tuple(key for kind, key in gone if kind == r.BeliefKind.PORT),
        tuple(sorted(int(key) for kind, key in gone if kind == r.BeliefKind.SEGMENT)),
        dict(sorted(rows.revisions.items())),
    )


def _intent(connection: sa.Connection, epoch: str, zone_id: str, rows: _Rows) -> model.Intent:
    zones = TABLES[r.Zone]
    revision = connection.execute(sa.select(zones.c.revision).where(zones.c.id == zone_id)).scalar() or 0
    labels = _labels(connection, zone_id)
    return model.Intent(
        zone=zone_id,
        epoch=epoch,
        revision=revision,
        hosts=tuple(
            model.Host(one.id, one.number, one.name, one.vtep, labels) for one in sorted(rows.hosts.values(), key=lambda h: h.number)
        ),
        networks=tuple(rows.networks[key] for key in sorted(rows.networks)),
        nics=tuple(rows.nics[key] for key in sorted(rows.nics)),
    )


def _labels(connection: sa.Connection, zone_id: str) -> tuple[tuple[str, str], ...]:
    """Return physical network id → KVM label of its guest traffic, for the zone."""
    traffic, physical = TABLES[r.TrafficType], TABLES[r.PhysicalNetwork]
    query = (
        sa.select(physical.c.id, traffic.c.kvm_label)
        .join_from(traffic, physical, traffic.c.physical_network == physical.c.id)
        .where(physical.c.zone == zone_id, sa.func.lower(traffic.c.traffic_type) == "guest", traffic.c.kvm_label.is_not(None))
        .order_by(physical.c.id)
    )
    return tuple((key, label) for key, label in connection.execute(query))


def _load(connection: sa.Connection, rows: _Rows, which: _Clause, only_nics: _Clause | None = None) -> None:
    """Add the networks that ``which`` selects, their NICs (``only_nics`` of them) and the hosts these are bound to."""
    networks, nics, vms = TABLES[r.Network], TABLES[r.Nic], TABLES[r.Vm]
    which = sa.and_(which, networks.c.vni.is_not(None))
    ranges = _ranges(connection, which)
    for row in connection.execute(sa.select(networks).where(which)):
        record = r.Network(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
        rows.networks[row.id] = _network(record, ranges[row.id])
        if ranges[row.id]:
            rows.subnets[row.id] = subnets_of(record, ranges[row.id])
        rows.zones.add(row.zone)
        rows.revisions[row.vni] = row.revision
    these = sa.and_(nics.c.network.in_(sa.select(networks.c.id).where(which)), only_nics if only_nics is not None else sa.true())
    ips = _addresses(connection, these)
    bindings = _bindings(connection, these)
    query = (
        sa.select(nics, vms.c.name.label("vm_name"), vms.c.state, vms.c.guest_source)
        .join_from(nics, vms, nics.c.vm == vms.c.id)
        .where(these)
    )
    for row in connection.execute(query):
        rows.nics[row.id] = model.Nic(
            id=row.id,
            vm=row.vm,
            vm_name=row.vm_name,
            network=row.network,
            mac=row.mac,
            ips=tuple(ips[row.id]),
            shared=row.shared,
            held=row.held,
            bindings=tuple(bindings[row.id]),
            running=row.state in _RUNNING,
            source=row.guest_source,
            position=row.position,
            tap=row.tap,
            gateway=_way_out(rows.subnets.get(row.network, ()), ips[row.id]) if row.is_default else "",
        )
    bound = TABLES[r.Binding]
    _load_hosts(
        connection, rows, TABLES[r.Host].c.id.in_(sa.select(bound.c.host).where(bound.c.nic.in_(sa.select(nics.c.id).where(these))))
    )


def _load_hosts(connection: sa.Connection, rows: _Rows, which: _Clause) -> None:
    hosts = TABLES[r.Host]
    query = sa.select(hosts.c.id, hosts.c.number, hosts.c.name, hosts.c.vtep).where(which)
    rows.hosts |= {row.id: model.Host(row.id, row.number, row.name, row.vtep) for row in connection.execute(query)}


def _addresses(connection: sa.Connection, these: _Clause) -> dict[str, list[str]]:
    nics, nic_ips = TABLES[r.Nic], TABLES[r.NicIp]
    query = (
        sa.select(nic_ips.c.nic, nic_ips.c.address)
        .where(nic_ips.c.nic.in_(sa.select(nics.c.id).where(these)))
        .order_by(nic_ips.c.secondary, nic_ips.c.family, nic_ips.c.address)
    )
    found: defaultdict[str, list[str]] = defaultdict(list)
    for nic, address in connection.execute(query):
        found[nic].append(address)
    return found


def _ranges(connection: sa.Connection, which: _Clause) -> dict[str, list[r.IpRange]]:
    """Return network id → the ranges added to it, oldest first."""
    ranges = TABLES[r.IpRange]
    mine = sa.select(TABLES[r.Network].c.id).where(which)
    found: defaultdict[str, list[r.IpRange]] = defaultdict(list)
    for row in connection.execute(sa.select(ranges).where(ranges.c.network.in_(mine)).order_by(ranges.c.created, ranges.c.id)):
        found[row.network].append(r.IpRange(**row._mapping))  # noqa: SLF001 - as above
    return found


def _way_out(subnets: tuple[Subnet, ...], ips: list[str]) -> str | None:
    """Return the gateway of a default NIC: that of the prefix its first IPv4 address is in; None: the network's."""
    own = next((text for text in ips if ":" not in text), None)
    subnet = subnet_of(subnets, own) if own else None
    return subnet.gateway if subnet is not None else None


def _bindings(connection: sa.Connection, these: _Clause) -> dict[str, list[model.Binding]]:
    nics, bindings = TABLES[r.Nic], TABLES[r.Binding]
    query = (
        sa.select(bindings.c.nic, bindings.c.host, bindings.c.state, bindings.c.sequence)
        .where(bindings.c.nic.in_(sa.select(nics.c.id).where(these)))
        .order_by(bindings.c.sequence, bindings.c.host)
    )
    found: defaultdict[str, list[model.Binding]] = defaultdict(list)
    for nic, host_id, state, sequence in connection.execute(query):
        found[nic].append(model.Binding(host_id, state, sequence))
    return found


def _network(row: r.Network, ranges: list[r.IpRange]) -> model.Network:
    own: Iterable[str | None] = (row.cidr, row.ip6_cidr)
    added = [str(one.prefix) for one in subnets_of(row, ranges)] if ranges else []
    return model.Network(
        id=row.id,
        name=row.name,
        tenant=row.account,
        vni=row.vni or 0,
        mtu=row.mtu or DEFAULT_MTU,
        addressed=row.guest_type.lower() != "l2",
        prefixes=tuple(dict.fromkeys((*(one for one in own if one), *added))),
        gateway=row.gateway or "",
    )

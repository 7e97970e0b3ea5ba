"""Reading: rows by kind and condition, and the questions several rooms ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa

from vxloom.model.intent import BindingState, Intent
from vxloom.store import intent_rows, settings_catalogue
from vxloom.store import records as r
from vxloom.store.conditions import chunks, conditions
from vxloom.store.intent_rows import HostIntent
from vxloom.store.schema import TABLES

Record = TypeVar("Record")


class ReadTransaction:
    """One consistent view of the store. Valid inside its ``with`` block only."""

    def __init__(self, connection: sa.Connection, epoch: str) -> None:
        self.connection = connection
        """For the store's own room only."""
        self.epoch = epoch

    # --- rows

    def get(self, kind: type[Record], key: str, /) -> Record | None:
        """Return the row of this id, or None."""
        table = TABLES[kind]
        row = self.connection.execute(sa.select(table).where(table.c.id == key)).first()
        return None if row is None else _records(kind, [row])[0]

    def one(self, kind: type[Record], /, **where: object) -> Record | None:
        """Return the first row that meets all conditions, or None."""
        table = TABLES[kind]
        query = sa.select(table).where(*conditions(kind, where)).order_by(*_order(table, None)).limit(1)
        row = self.connection.execute(query).first()
        return None if row is None else _records(kind, [row])[0]

    def all(
        self, kind: type[Record], /, *, order: str | None = None, limit: int | None = None, offset: int = 0, **where: object
    ) -> list[Record]:
        """Return the rows that meet all conditions.

        A condition is ``field=value``: equal; None: not given; a list, tuple or set: one of; :class:`Fold`, :class:`Contains`;
        :class:`NoneOf`; ``keyword=``:class:`Keyword`; ``tagged=``:class:`Tagged`; ``either=``:class:`Either`.
        ``order``: a field, ``-field`` descends; without it the oldest comes first.
        """
        table = TABLES[kind]
        query = sa.select(table).where(*conditions(kind, where)).order_by(*_order(table, order)).limit(limit)
        if limit is not None or offset:
            # What is skipped or does not fit is passed over in an index: only the page's own rows are read whole.
            page = query.with_only_columns(table.c.id).offset(offset).subquery()
            query = sa.select(table).join_from(page, table, table.c.id == page.c.id).order_by(*_order(table, order))
        return _records(kind, self.connection.execute(query).all())

    def tally(self, kind: type[object], field: str, values: Iterable[str], /, **where: object) -> dict[str, int]:
        """Return how many rows meet all conditions for each of these values of a field; a value no row has is left out."""
        table, found = TABLES[kind], {}
        for part in chunks(values):
            query = (
                sa.select(table.c[field], sa.func.count())
                .where(table.c[field].in_(part), *conditions(kind, where))
                .group_by(table.c[field])
            )
            found.update({str(value): int(number) for value, number in self.connection.execute(query)})
        return found

    def count(self, kind: type[Record], /, **where: object) -> int:
        """Return how many rows meet all conditions."""
        query = sa.select(sa.func.count()).select_from(TABLES[kind]).where(*conditions(kind, where))
        return int(self.connection.execute(query).scalar_one())

    # --- settings

    def setting(self, name: str, zone: str | None = None, account: str | None = None) -> str:
        """Return a setting's value: the zone's or account's, else the global one, else the default.

        Raises :class:`KeyError` for an unknown name.
        """
        declared = settings_catalogue.CATALOGUE[name]
        rows = {(row.zone, row.account): row.value for row in self.all(r.Configuration, name=name)}
        return rows.get((zone, account), rows.get((None, None), declared.default))

    def setting_int(self, name: str, zone: str | None = None) -> int:
        """Return an integer setting."""
        return int(self.setting(name, zone))

    def setting_float(self, name: str, zone: str | None = None) -> float:
        """Return a number setting."""
        return float(self.setting(name, zone))

    def setting_bool(self, name: str, zone: str | None = None, account: str | None = None) -> bool:
        """Return a yes-or-no setting."""
        return self.setting(name, zone, account).lower() == "true"

    # --- where things are

    def host_of(self, vm_id: str) -> r.Host | None:
        """Return the host of a VM: that of the active binding of highest sequence of any of its NICs."""
        return self.hosts_of([vm_id]).get(vm_id)

    def hosts_of(self, vm_ids: Iterable[str]) -> dict[str, r.Host]:
        """Return VM id → host, for the VMs that have one."""
        nics, bindings = TABLES[r.Nic], TABLES[r.Binding]
        best: dict[str, str] = {}
        for part in chunks(vm_ids):
            query = (
                sa.select(nics.c.vm, bindings.c.host)
                .join_from(bindings, nics, bindings.c.nic == nics.c.id)
                .where(nics.c.vm.in_(part), bindings.c.state == BindingState.ACTIVE)
                .order_by(bindings.c.sequence)
            )
            best.update((vm, host) for vm, host in self.connection.execute(query))
        hosts = {row.id: row for part in chunks(best.values()) for row in self.all(r.Host, id=part)}
        return {vm: hosts[host] for vm, host in best.items()}

    def user_by_key(self, api_key: str) -> tuple[r.User, r.Account, r.Domain] | None:
        """Return who owns an API key, or None. One query: every request asks."""
        users, accounts, domains = (TABLES[kind] for kind in (r.User, r.Account, r.Domain))
        query = (
            sa.select(users, accounts, domains)
            .join_from(users, accounts, accounts.c.id == users.c.account)
            .join(domains, domains.c.id == accounts.c.domain)
            .where(users.c.api_key == api_key)
        )
        row = self.connection.execute(query).first()
        if row is None:
            return None
        second = len(users.columns)
        third = second + len(accounts.columns)
        [user], [account], [domain] = (
            _records(r.User, [row[:second]]),
            _records(r.Account, [row[second:third]]),
            _records(r.Domain, [row[third:]]),
        )
        return user, account, domain

    def segment_hosts(self, network_id: str, but: str | None = None) -> tuple[str, ...]:
        """Return the ids of the hosts that have a binding in a network, leaving out those of one VM."""
        nics, bindings = TABLES[r.Nic], TABLES[r.Binding]
        query = (
            sa.select(bindings.c.host)
            .join_from(bindings, nics, bindings.c.nic == nics.c.id)
            .where(nics.c.network == network_id, nics.c.vm != (but or ""))
            .distinct()
            .order_by(bindings.c.host)
        )
        return tuple(self.connection.execute(query).scalars())

    def segments_hosts(self, hosts: Collection[str]) -> list[set[str]]:
        """Return of each network which of these hosts have a binding in it; one query, whatever the number of bindings."""
        nics, bindings = TABLES[r.Nic], TABLES[r.Binding]
        query = sa.select(nics.c.network, bindings.c.host).join_from(bindings, nics, bindings.c.nic == nics.c.id).distinct()
        found: dict[str, set[str]] = {}
        for network, host in self.connection.execute(query):
            if host in hosts:
                found.setdefault(network, set()).add(host)
        return list(found.values())

    def idle_networks(self) -> list[r.Network]:
        """Return the implemented networks of which no NIC is on a host, without the persistent ones."""
        table, nics, bindings = TABLES[r.Network], TABLES[r.Nic], TABLES[r.Binding]
        used = sa.exists().where(nics.c.network == table.c.id, bindings.c.nic == nics.c.id)
        query = sa.select(table).where(table.c.state == r.NetworkState.IMPLEMENTED, table.c.is_persistent.is_(False), ~used)
        return _records(r.Network, self.connection.execute(query.order_by(table.c.id)).all())

    def network_by_vni(self, zone_id: str, vni: int) -> r.Network | None:
        """Return the network that uses a VNI now."""
        return self.one(r.Network, zone=zone_id, vni=vni)

    # --- revisions

    def zone_revision(self, zone_id: str) -> tuple[int, str]:
        """Return (revision, nonce); (0, "") before the first change."""
        table = TABLES[r.Revision]
        query = sa.select(table.c.revision, table.c.nonce).where(table.c.zone == zone_id).order_by(table.c.revision.desc()).limit(1)
        row = self.connection.execute(query).first()
        return (0, "") if row is None else (row.revision, row.nonce)

    def changes(self, zone_id: str, after: int, upto: int | None = None) -> list[r.Change]:
        """Return what changed after a revision, ascending; of each object its latest change only."""
        table = TABLES[r.Change]
        query = sa.select(table).where(table.c.zone == zone_id, table.c.revision > after).order_by(table.c.revision)
        if upto is not None:
            query = query.where(table.c.revision <= upto)
        latest: dict[tuple[str, str], r.Change] = {}
        for row in self.connection.execute(query):
            [change] = _records(r.Change, [row])
            latest.pop((change.kind, change.key), None)
            latest[change.kind, change.key] = change
        return list(latest.values())

    def segment_revisions(self, network_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Return network id → (VNI, revision of its table), for those that have a VNI."""
        table = TABLES[r.Network]
        found: dict[str, tuple[int, int]] = {}
        for part in chunks(network_ids):
            query = sa.select(table.c.id, table.c.vni, table.c.revision).where(table.c.id.in_(part), table.c.vni.is_not(None))
            found |= {key: (vni, revision) for key, vni, revision in self.connection.execute(query)}
        return found

    # --- intent

    def intent(self, network_ids: Collection[str], zone: str | None = None) -> Intent:
        """Return whole segments: these networks (those with a VNI), all their NICs with bindings, and the hosts concerned.

        All of one zone; ``zone`` names it when the networks may be gone.
        """
        return self._with_settings(intent_rows.segments(self.connection, self.epoch, list(chunks(network_ids)), zone))

    def zone_intent(self, zone_id: str) -> Intent:
        """Return everything of a zone that has a VNI, and all its hosts."""
        return self._with_settings(intent_rows.zone(self.connection, self.epoch, zone_id))

    def host_intent(self, host_id: str) -> HostIntent:
        """Return what one host is to know besides tables. Raises :class:`LookupError` for a host that is not there."""
        found = intent_rows.host(self.connection, self.epoch, host_id)
        return replace(found, intent=self._with_settings(found.intent))

    def _with_settings(self, intent: Intent) -> Intent:
        zone = intent.zone or None
        return replace(intent, udp_port=self.setting_int("vxloom.udp.port", zone), df=self.setting_bool("vxloom.df", zone))

    # --- jobs

    def waits(self, job_id: str) -> list[r.JobWait]:
        """Return whom a job waits for, acknowledged or not."""
        return self.all(r.JobWait, job=job_id)

    def pending_jobs(self) -> list[r.Job]:
        """Return the unfinished jobs, oldest first."""
        return self.all(r.Job, status=r.JobStatus.PENDING)

    def awaited(self, host_id: str, vnis: Collection[int]) -> bool:
        """Tell whether anything in the store waits for a word of this host: a job, a tombstone, an address that drains."""
        if self.count(r.JobWait, host=host_id, acked=False):
            return True
        table = TABLES[r.Belief]
        gone = sa.or_(table.c.gone_revision.is_not(None), table.c.kind == r.BeliefKind.HELD)
        if self.connection.execute(sa.select(table.c.id).where(table.c.host == host_id, gone).limit(1)).first() is not None:
            return True
        host = self.get(r.Host, host_id) if vnis else None
        return host is not None and not self.draining_vnis(host.zone).isdisjoint(vnis)

    # --- VNIs

    def draining_vnis(self, zone_id: str) -> set[int]:
        """Return the VNIs in whose tables a MAC or IP was that has not returned to its pool yet."""
        found: set[int] = set()
        for kind in (r.MacAllocation, r.IpAllocation):
            table = TABLES[kind]
            query = sa.select(table.c.vni).where(
                table.c.zone == zone_id, table.c.state == r.AllocationState.DRAINING, table.c.vni.is_not(None)
            )
            found.update(self.connection.execute(query.distinct()).scalars())
        return found

    def vni_ranges_text(self, physical_network_id: str) -> str:
        """Return the ranges as the API says them, ``5000-5100,6000-6000``."""
        ranges = self.all(r.VniRange, order="start", physical_network=physical_network_id)
        return ",".join(f"{one.start}-{one.end}" for one in ranges)

    def vni_usage(self, physical_network_id: str) -> tuple[int, int]:
        """Return (in use or draining, total) of a physical network's ranges."""
        ranges: Sequence[r.VniRange] = self.all(r.VniRange, physical_network=physical_network_id)
        table, pool = TABLES[r.VniAllocation], TABLES[r.VniRange]
        inside = sa.and_(pool.c.zone == table.c.zone, pool.c.start <= table.c.vni, pool.c.end >= table.c.vni)
        query = sa.select(sa.func.count()).select_from(sa.join(pool, table, inside)).where(pool.c.physical_network == physical_network_id)
        return int(self.connection.execute(query).scalar_one()), sum(one.end - one.start + 1 for one in ranges)

    def vnis_beside_ranges(self, zone_id: str) -> list[r.VniAllocation]:
        """Return the allocations of a zone that are in no range of it: stated by somebody, or said to be held by a host."""
        table, pool = TABLES[r.VniAllocation], TABLES[r.VniRange]
        inside = sa.exists().where(pool.c.zone == table.c.zone, pool.c.start <= table.c.vni, pool.c.end >= table.c.vni)
        query = sa.select(table).where(table.c.zone == zone_id, ~inside).order_by(table.c.vni)
        return _records(r.VniAllocation, self.connection.execute(query).all())

    def isolation(self, physical: r.PhysicalNetwork) -> str:
        """Return a physical network's isolation method; of one that states none, what ``network.vlan.interfacetype`` says."""
        return physical.isolation_method.upper() or self.setting("network.vlan.interfacetype").upper()


def _records(kind: type[Record], rows: Iterable[Sequence[Any]]) -> list[Record]:
    """Return whole rows of a kind's table as records; by zip, since a mapping of SQLAlchemy's per row costs twice as much as all else."""
    names = TABLES[kind].columns.keys()
    return [kind(**dict(zip(names, row, strict=True))) for row in rows]


def _order(table: sa.Table, order: str | None) -> list[sa.ColumnElement[Any]]:
    if order is None:
        order = "created" if "created" in table.c else "id"
    column: sa.ColumnElement[Any] = table.c[order.lstrip("-")]
    return [column.desc() if order.startswith("-") else column, table.c.id]

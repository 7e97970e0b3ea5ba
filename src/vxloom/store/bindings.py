"""Which NIC is on which host, and what hosts were told of it: bindings, beliefs, tombstones, acknowledgements (laws 6 and 7).

A belief is written in the transaction that first sends something to a host, marked gone in the one that withdraws it (then it is a
tombstone in the host's document), and deleted when the host says that nothing of it is left, or is removed from the cloud.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from vxloom.errors import RequestError
from vxloom.model.intent import BindingState
from vxloom.store import records as r
from vxloom.store.addresses import AddressTransaction
from vxloom.store.conditions import chunks
from vxloom.store.schema import TABLES
from vxloom.store.writing import PENDING


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What one host read back from its kernel (:class:`vxloom.model.wire.Ack` with the host's id)."""

    host: str
    document: int
    """Host document's revision."""
    segments: dict[int, int] = field(default_factory=dict)
    """VNI → table revision."""
    absent: tuple[int, ...] = ()
    absent_ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaped:
    """How many allocations returned to their pools."""

    vnis: int = 0
    macs: int = 0
    ips: int = 0


class BindingTransaction(AddressTransaction):
    """Bindings and beliefs."""

    def bind(self, nic_id: str, host_id: str, state: BindingState = BindingState.ACTIVE) -> int:
        """Put a NIC on a host, or change its state there, and return the binding's sequence.

        The sequence grows when the NIC becomes active on a host. Raises :class:`RequestError` 431 when the network has no VNI,
        :class:`LookupError` for a NIC or host that is not there.
        """
        nic, network, host = self._placed(nic_id, host_id)
        if network.vni is None:
            raise RequestError(f"network {network.name} is not implemented: it has no VNI", remedy="take_vni first")
        existing = self.all(r.Binding, nic=nic_id)
        here = next((one for one in existing if one.host == host_id), None)
        if here is not None and here.state == state:
            return here.sequence
        highest = max((one.sequence for one in existing), default=0)
        sequence = highest + 1 if state == BindingState.ACTIVE else (here.sequence if here else highest)
        if here is None:
            self.add(r.Binding(nic=nic_id, host=host_id, state=state, sequence=sequence))
        else:
            self.update(r.Binding, here.id, state=state, sequence=sequence)
        self._believe(host, r.BeliefKind.PORT, nic.id)
        self._believe(host, r.BeliefKind.SEGMENT, str(network.vni))
        for kind in (r.MacAllocation, r.IpAllocation):
            table = TABLES[kind]
            self.connection.execute(sa.update(table).where(table.c.nic == nic_id).values(vni=network.vni))
        if network.idle is not None:
            self.update(r.Network, network.id, idle=None)
        self.touch_segment(network.id)
        self.touch_host(host_id)
        return sequence

    def unbind(self, nic_id: str, host_id: str) -> None:
        """Withdraw a NIC from a host: a tombstone in its document until it says that nothing is left. Not bound: nothing happens."""
        nic, network, host = self._placed(nic_id, host_id)
        if not self.delete_where(r.Binding, nic=nic_id, host=host_id):
            return
        self._withdraw(host, r.BeliefKind.PORT, nic.id)
        if host_id not in self.segment_hosts(network.id):
            self._withdraw(host, r.BeliefKind.SEGMENT, str(network.vni))
        self.touch_segment(network.id)
        self.touch_host(host_id)

    def _placed(self, nic_id: str, host_id: str) -> tuple[r.Nic, r.Network, r.Host]:
        nic, host = self.get(r.Nic, nic_id), self.get(r.Host, host_id)
        network = self.get(r.Network, nic.network) if nic else None
        if nic is None or network is None or host is None:
            raise LookupError(f"no NIC {nic_id} or no host {host_id}")
        return nic, network, host

    def _believe(self, host: r.Host, kind: r.BeliefKind, key: str) -> None:
        known = self.one(r.Belief, host=host.id, kind=kind, key=key)
        if known is None:
            known = self.add(r.Belief(zone=host.zone, host=host.id, kind=kind, key=key, since=PENDING))
            self._stamp(host.zone, r.Belief, "since", known.id)
        elif known.gone_revision is not None:
            self.update(r.Belief, known.id, gone_revision=None)
            self._unstamp(host.zone, r.Belief, "gone_revision", known.id)

    def _withdraw(self, host: r.Host, kind: r.BeliefKind, key: str) -> None:
        known = self.one(r.Belief, host=host.id, kind=kind, key=key)
        if known is not None and known.gone_revision is None:
            self.update(r.Belief, known.id, gone_revision=PENDING)
            self._stamp(host.zone, r.Belief, "gone_revision", known.id)

    # --- shared addresses

    def claim(self, nic_id: str, address: str) -> bool:
        """Note that a NIC holds a shared address now, and no other NIC of the network. False: nothing to change, or not allowed to it."""
        nic = self.get(r.Nic, nic_id)
        if nic is None or address not in nic.shared or address in nic.held:
            return False
        self.update(r.Nic, nic_id, held=(*nic.held, address))
        self._touch_nic(nic_id)
        for other in self.all(r.Nic, network=nic.network):
            if other.id != nic_id and address in other.held:
                self.update(r.Nic, other.id, held=tuple(one for one in other.held if one != address))
                self._touch_nic(other.id)
        return True

    # --- hosts

    def add_host(self, host: r.Host) -> r.Host:
        """Insert a host under a number no other host ever had, and return it."""
        table = TABLES[r.Meta]
        counter = sa.update(table).where(table.c.id == "next_host_number")
        number = int(
            self.connection.execute(
                counter.values(value=sa.cast(sa.cast(table.c.value, sa.BigInteger) + 1, sa.Text)).returning(table.c.value)
            ).scalar_one()
        )
        values = {name: getattr(host, name) for name in TABLES[r.Host].c.keys()}  # noqa: SIM118 - a column collection is no dict
        added = self.add(r.Host(**{**values, "number": number - 1}))
        self.touch_host(added.id)
        return added

    def set_vtep(self, host_id: str, vtep: str) -> None:
        """Note where a host's tunnels end now, and mark every segment it takes part in: peers' rows carry the address."""
        host = self.get(r.Host, host_id)
        if host is None or host.vtep == vtep:
            return
        self.update(r.Host, host_id, vtep=vtep)
        self.touch_host(host_id)
        self._touch_segments_of(host_id)

    def _touch_segments_of(self, host_id: str) -> None:
        nics, bindings = TABLES[r.Nic], TABLES[r.Binding]
        query = sa.select(nics.c.network).join_from(bindings, nics, bindings.c.nic == nics.c.id).where(bindings.c.host == host_id)
        for network_id in sorted(set(self.connection.execute(query).scalars())):
            self.touch_segment(network_id)

    def remove_host(self, host_id: str) -> None:
        """Delete a host with its bindings, beliefs, certificates and tokens; its segments' peers forget it with this revision.

        Jobs that must hear from it keep their wait and end at their deadline; those it was a mere peer of no longer wait.
        """
        host = self.get(r.Host, host_id)
        if host is None:
            return
        self._touch_segments_of(host_id)
        self.delete_where(r.Binding, host=host_id)
        self.delete_where(r.JobWait, host=host_id, role=r.WaitRole.PEER)
        self._gone_host(host)
        self._delete(r.Host, TABLES[r.Host].c.id == host_id)  # beliefs, certificates and tokens go with it

    # --- acknowledgements

    def acknowledge(self, acks: Iterable[Acknowledgement]) -> tuple[str, ...]:
        """Mark waits, delete beliefs of what is gone. Return the ids of jobs one of whose waits was satisfied."""
        jobs: set[str] = set()
        for ack in acks:
            for wait in self.all(r.JobWait, host=ack.host, acked=False):
                reached = ack.document if wait.kind == r.WaitKind.HOST else ack.segments.get(int(wait.key), PENDING - 1)
                if reached >= wait.revision:
                    self.update(r.JobWait, wait.id, acked=True)
                    jobs.add(wait.job)
            self._forget(ack, r.BeliefKind.PORT, ack.absent_ports)
            self._forget(ack, r.BeliefKind.SEGMENT, [str(vni) for vni in ack.absent])
            self.delete_where(r.Belief, host=ack.host, kind=r.BeliefKind.HELD, key=[str(vni) for vni in ack.absent])
            self._note_tables(ack)
            self._note_document(ack)
        return tuple(sorted(jobs))

    def _forget(self, ack: Acknowledgement, kind: r.BeliefKind, keys: Iterable[str]) -> None:
        table = TABLES[r.Belief]
        for part in chunks(keys):
            # Only what the acknowledged document had withdrawn: an acknowledgement of an older one says nothing of a later binding.
            self._delete(
                r.Belief, table.c.host == ack.host, table.c.kind == kind, table.c.key.in_(part), table.c.gone_revision <= ack.document
            )

    def _note_tables(self, ack: Acknowledgement) -> None:
        host = self.get(r.Host, ack.host)
        table = TABLES[r.Belief]
        for vni in self.draining_vnis(host.zone) & ack.segments.keys() if host else ():
            mine = sa.and_(table.c.host == ack.host, table.c.kind == r.BeliefKind.SEGMENT, table.c.key == str(vni))
            self.connection.execute(sa.update(table).where(mine, table.c.acked < ack.segments[vni]).values(acked=ack.segments[vni]))

    def _note_document(self, ack: Acknowledgement) -> None:
        """Note what a host's ports were said to have when it acknowledged, where an address of one was taken away."""
        ips, table = TABLES[r.IpAllocation], TABLES[r.Belief]
        losing = sa.select(ips.c.nic).where(ips.c.zone == table.c.zone, ips.c.state == r.AllocationState.DRAINING)
        mine = sa.and_(table.c.host == ack.host, table.c.kind == r.BeliefKind.PORT, table.c.acked < ack.document, table.c.key.in_(losing))
        self.connection.execute(sa.update(table).where(mine).values(acked=ack.document))

    def report_held(self, host: r.Host, vnis: Iterable[int]) -> None:
        """Keep VNIs a host says it holds, and this store never sent it, out of the pool; forget those it no longer names."""
        sent = {row.key for row in self.all(r.Belief, host=host.id, kind=r.BeliefKind.SEGMENT)}
        unknown = {str(vni) for vni in vnis} - sent
        known = {row.key: row for row in self.all(r.Belief, host=host.id, kind=r.BeliefKind.HELD)}
        for key in sorted(known.keys() - unknown):
            self.delete_where(r.Belief, id=known[key].id)
        for key in sorted(unknown - known.keys()):
            self.add(r.Belief(zone=host.zone, host=host.id, kind=r.BeliefKind.HELD, key=key))
            self.add_if_free(r.VniAllocation(zone=host.zone, vni=int(key), state=r.AllocationState.DRAINING, release_revision=0))

    def reap(self) -> Reaped:
        """Free the draining allocations nobody can believe in any more."""
        return Reaped(
            vnis=self._free(r.VniAllocation, _unbelieved_vni()),
            macs=self._free(r.MacAllocation, _unbelieved_address(TABLES[r.MacAllocation])),
            ips=self._free(r.IpAllocation, _unbelieved_address(TABLES[r.IpAllocation])),
        )

    def _free(self, kind: type, free: sa.ColumnElement[bool]) -> int:
        return self._delete(kind, TABLES[kind].c.state == r.AllocationState.DRAINING, free)


def _unbelieved_vni() -> sa.ColumnElement[bool]:
    beliefs, table = TABLES[r.Belief], TABLES[r.VniAllocation]
    return ~sa.exists().where(
        beliefs.c.zone == table.c.zone,
        beliefs.c.kind.in_([r.BeliefKind.SEGMENT, r.BeliefKind.HELD]),
        beliefs.c.key == sa.cast(table.c.vni, sa.Text),
    )


def _unbelieved_address(table: sa.Table) -> sa.ColumnElement[bool]:
    """No host holds the port with the address, and every host of the segment has a table from which the address is gone.

    A port that lives on without one of its addresses is rid of it with the host's document; one that was withdrawn when it is gone.
    """
    beliefs = TABLES[r.Belief]
    port = sa.exists().where(
        beliefs.c.zone == table.c.zone,
        beliefs.c.kind == r.BeliefKind.PORT,
        beliefs.c.key == table.c.nic,
        sa.or_(beliefs.c.gone_revision.is_not(None), beliefs.c.acked < table.c.release_revision),
    )
    peer = sa.exists().where(
        beliefs.c.zone == table.c.zone,
        beliefs.c.kind == r.BeliefKind.SEGMENT,
        beliefs.c.key == sa.cast(table.c.vni, sa.Text),
        beliefs.c.acked < table.c.release_revision,
    )
    return ~port & ~peer

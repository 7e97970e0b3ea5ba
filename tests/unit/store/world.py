"""A small cloud written straight into a store: what tests of the store begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vxloom.store import Acknowledgement, Store, Transaction, records


@dataclass(frozen=True)
class World:
    """One zone with a physical network, and three hosts."""

    store: Store
    zone: str
    physical: str
    pod: str
    cluster: str
    hosts: tuple[str, ...]

    @classmethod
    def make(cls, database: str | Path, *, vnis: str = "5000-5999", hosts: int = 3) -> World:
        store = Store(database if isinstance(database, str) else f"sqlite:///{database}")
        with store.write("test") as tx:
            zone = tx.add(records.Zone(name="z1"))
            physical = tx.add(records.PhysicalNetwork(zone=zone.id, name="p1"))
            tx.add(records.TrafficType(physical_network=physical.id, traffic_type="Guest", kvm_label="cloudbr1"))
            pod = tx.add(records.Pod(zone=zone.id, name="pod1"))
            cluster = tx.add(records.Cluster(zone=zone.id, pod=pod.id, name="c1"))
            tx.set_vni_ranges(physical.id, vnis)
            world = cls(store, zone.id, physical.id, pod.id, cluster.id, ())
            made = tuple(world.host(tx, f"h{number}", f"192.0.2.{number}") for number in range(1, hosts + 1))
        return cls(store, zone.id, physical.id, pod.id, cluster.id, made)

    def host(self, tx: Transaction, name: str, vtep: str) -> str:
        return tx.add_host(records.Host(zone=self.zone, pod=self.pod, cluster=self.cluster, name=name, vtep=vtep)).id

    def network(self, tx: Transaction, name: str = "n", **fields: Any) -> str:
        """Add a network without a VNI: 10.1.1.0/24 and fd00:1::/64 unless told otherwise."""
        values = {"guest_type": "Isolated", "cidr": "10.1.1.0/24", "gateway": "10.1.1.1", "ip6_cidr": "fd00:1::/64", **fields}
        row = records.Network(
            name=name,
            display_text=name,
            zone=self.zone,
            physical_network=self.physical,
            offering=self._one(tx, records.NetworkOffering),
            **{"account": self._one(tx, records.Account), **values},
        )
        return tx.add(row).id

    def segment(self, tx: Transaction, name: str = "n", **fields: Any) -> str:
        """Add a network with a VNI."""
        network = self.network(tx, name, **fields)
        tx.take_vni(network)
        return network

    def nic(self, tx: Transaction, network: str, **fields: Any) -> str:
        """Add a running VM with one NIC that has a MAC and an IPv4 address; not bound."""
        vm = tx.add(
            records.Vm(
                name="vm",
                display_name="vm",
                zone=self.zone,
                account=self._one(tx, records.Account),
                service_offering=self._one(tx, records.ServiceOffering),
                template=self._one(tx, records.Template),
                state=records.VmState.RUNNING,
            )
        )
        nic = records.new_id()
        mac = tx.take_mac(nic, self.zone, fields.pop("mac", None))
        tx.add(records.Nic(id=nic, vm=vm.id, network=network, mac=mac, **fields))
        tx.add(records.NicIp(nic=nic, address=tx.take_ip(network, nic)))
        return nic

    def _one(self, tx: Transaction, kind: type[Any]) -> str:
        row = tx.one(kind)
        assert row is not None
        return str(row.id)

    def document(self, host: str) -> tuple[int, tuple[str, ...], tuple[int, ...]]:
        """A host document's (revision, gone ports, gone segments)."""
        with self.store.read() as rx:
            sent = rx.host_intent(host)
        return sent.revision, sent.gone_ports, sent.gone_segments

    def obey(self, *hosts: str) -> None:
        """Have hosts do as their documents and tables say, and acknowledge all of it."""
        for host in hosts:
            with self.store.read() as rx:
                sent = rx.host_intent(host)
            self.store.acknowledge(Acknowledgement(host, sent.revision, sent.segments, sent.gone_segments, sent.gone_ports))

    def rows(self, kind: type[Any], /, **where: object) -> int:
        with self.store.read() as rx:
            return rx.count(kind, **where)

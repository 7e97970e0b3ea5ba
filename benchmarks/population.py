"""A store as a large cloud's: accounts, networks and machines in rows, written at once instead of by a hundred thousand requests."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vxloom.model.intent import BindingState
from vxloom.store import Store, Transaction, records

Row = TypeVar("Row")
_HOSTS = 1000
_ACCOUNTS = 1000
_FIRST_VNI = 5000
_PART = 5000
"""Rows of one statement: what is in memory at a time."""
_PREFIX = ipaddress.IPv4Network("10.1.0.0/16")


@dataclass(frozen=True)
class Population:
    """What requests about it need to know."""

    zone: str
    offering: str
    accounts: tuple[str, ...]
    """Names; every account is of the root domain."""
    domain: str
    networks: tuple[str, ...]
    machines: int


def populate(data: Path, machines: int, networks: int, say: Callable[[str], None]) -> Population:
    """Fill a server's data folder: every machine runs, with one card, in one of the networks by turns."""
    store = Store.open(data)
    try:
        with store.write("benchmark") as tx:
            found = _Ground(tx, networks).lay()
        for first in range(0, machines, _PART):
            with store.write("benchmark") as tx:
                _machines(tx, found, range(first, min(machines, first + _PART)))
            say(f"{min(machines, first + _PART):,} of {machines:,} machines")
    finally:
        store.close()
    return Population(found.zone, found.offering, tuple(found.names), found.domain, tuple(found.networks), machines)


class _Ground:
    """Everything but machines."""

    def __init__(self, tx: Transaction, networks: int) -> None:
        self._tx = tx
        self._count = networks
        self._began = time.time() - 1_000_000
        self.networks: list[str] = []
        self.hosts: list[str] = []
        self.names: list[str] = []
        self.accounts: list[str] = []

    def lay(self) -> _Ground:
        tx = self._tx
        zone = tx.add(records.Zone(name="bench", allocation_state="Enabled"))
        physical = tx.add(records.PhysicalNetwork(zone=zone.id, name="overlay", state="Enabled"))
        tx.add(records.VniRange(zone=zone.id, physical_network=physical.id, start=_FIRST_VNI, end=16_777_214))
        tx.add(records.TrafficType(physical_network=physical.id, traffic_type="Guest"))
        pod = tx.add(records.Pod(zone=zone.id, name="pod"))
        cluster = tx.add(records.Cluster(zone=zone.id, pod=pod.id, name="cluster"))
        self.zone = zone.id
        self.domain = _first(tx, records.Domain).id
        self.size, self.template = _first(tx, records.ServiceOffering).id, _first(tx, records.Template).id
        self.offering = _first(tx, records.NetworkOffering, name="vxloom Isolated").id
        people = [records.Account(name=f"tenant{number}", domain=self.domain) for number in range(min(_ACCOUNTS, self._count))]
        hosts = [
            records.Host(number=number + 1, zone=zone.id, pod=pod.id, cluster=cluster.id, name=f"h{number}", vtep=str(_PREFIX[number + 1]))
            for number in range(_HOSTS)
        ]
        tx.add_all(people)
        tx.add_all(hosts)
        self.names, self.accounts = [row.name for row in people], [row.id for row in people]
        self.hosts = [row.id for row in hosts]
        rows = [self._network(number, physical.id) for number in range(self._count)]
        tx.add_all(rows)
        tx.add_all([records.VniAllocation(zone=zone.id, vni=row.vni or 0, physical_network=physical.id, network=row.id) for row in rows])
        self.networks = [row.id for row in rows]
        return self

    def _network(self, number: int, physical: str) -> records.Network:
        return records.Network(
            name=f"network-{number}",
            display_text=f"Network {number}",
            zone=self.zone,
            physical_network=physical,
            offering=self.offering,
            account=self.accounts[number % len(self.accounts)],
            guest_type="Isolated",
            state=records.NetworkState.IMPLEMENTED,
            vni=_FIRST_VNI + number,
            cidr=str(_PREFIX),
            gateway=str(_PREFIX[1]),
            netmask=str(_PREFIX.netmask),
            mtu=1450,
            created=self._began + number,
        )


def _machines(tx: Transaction, ground: _Ground, numbers: range) -> None:
    machines: list[object] = []
    nics: list[object] = []
    ips: list[object] = []
    bindings: list[object] = []
    taken: list[object] = []
    macs: list[object] = []
    for number in numbers:
        network = number % len(ground.networks)
        offset = number // len(ground.networks) + 10
        vm = records.Vm(
            name=f"vm-{number}",
            display_name=f"vm-{number}",
            instance_name=f"i-{number}-VM",
            zone=ground.zone,
            account=ground.accounts[network % len(ground.accounts)],
            state=records.VmState.RUNNING,
            service_offering=ground.size,
            template=ground.template,
            created=time.time() - 500_000 + number,
        )
        nic = records.Nic(
            vm=vm.id, network=ground.networks[network], mac=(0x0200_0000_0000 | number).to_bytes(6, "big").hex(":"), is_default=True
        )
        address = str(_PREFIX[offset])
        machines.append(vm)
        nics.append(nic)
        ips.append(records.NicIp(nic=nic.id, address=address))
        bindings.append(records.Binding(nic=nic.id, host=ground.hosts[number % _HOSTS], state=BindingState.ACTIVE, sequence=1))
        macs.append(records.MacAllocation(zone=ground.zone, mac=nic.mac, nic=nic.id))
        taken.append(records.IpAllocation(zone=ground.zone, network=nic.network, address=address, offset=offset, nic=nic.id))
    for rows in (machines, nics, ips, bindings, macs, taken):  # in the order of their references
        tx.add_all(rows)


def _first(tx: Transaction, kind: type[Row], **where: object) -> Row:
    row = tx.one(kind, **where)
    if row is None:
        raise LookupError(f"the store has no {kind.__name__}")
    return row

"""Names for what hosts show: tenants, networks, machines and hosts for VNIs, MACs and VTEPs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from vxloom.model.show import Row
from vxloom.store import ReadTransaction, records

_AT_ONCE = 500
"""Values in one condition: databases bound how many there may be."""
Value = TypeVar("Value", int, str)


@dataclass(frozen=True, slots=True)
class Names:
    """What some rows of one zone are called. A VNI, a MAC and a VTEP are each unique within their zone."""

    networks: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    """VNI → network, account, domain."""
    machines: dict[str, str] = field(default_factory=dict)
    """MAC → machine."""
    hosts: dict[str, str] = field(default_factory=dict)
    """VTEP → host."""

    def name(self, row: Row) -> Row:
        """Return the row with the names of what it has. Pure."""
        network, account, domain = self.networks.get(-1 if row.vni is None else row.vni, ("", "", ""))
        return msgspec.structs.replace(
            row,
            network=network,
            account=account,
            domain=domain,
            vm=self.machines.get(row.mac, ""),
            remote_host=self.hosts.get(row.vtep, ""),
        )


def names_of(rx: ReadTransaction, zone: str, rows: Sequence[Row]) -> Names:
    """Return the names of what these rows of a zone have."""
    networks: list[records.Network] = []
    for vnis in _parts(row.vni for row in rows if row.vni is not None):
        networks += rx.all(records.Network, zone=zone, vni=vnis, broadcast_scheme="vxlan")
    accounts = _by_id(rx, records.Account, (network.account for network in networks))
    domains = _by_id(rx, records.Domain, (account.domain for account in accounts.values()))
    nics: list[records.Nic] = []
    for macs in _parts(row.mac for row in rows if row.mac):
        nics += rx.all(records.Nic, mac=macs)
    machines = _by_id(rx, records.Vm, (nic.vm for nic in nics))
    return Names(
        {
            network.vni: (network.name, owner.name, domains[owner.domain].path)
            for network in networks
            if network.vni is not None and (owner := accounts.get(network.account)) is not None
        },
        {nic.mac: vm.name for nic in nics if (vm := machines.get(nic.vm)) is not None and vm.zone == zone},
        {host.vtep: host.name for host in rx.all(records.Host, zone=zone) if host.vtep},
    )


Named = TypeVar("Named", records.Account, records.Domain, records.Vm)


def _by_id(rx: ReadTransaction, kind: type[Named], ids: Iterable[str]) -> dict[str, Named]:
    return {row.id: row for part in _parts(ids) for row in rx.all(kind, id=part)}


def _parts(values: Iterable[Value]) -> Iterator[list[Value]]:
    distinct = sorted(set(values))
    for start in range(0, len(distinct), _AT_ONCE):
        yield distinct[start : start + _AT_ONCE]

"""What hosts show, as clients see it: with tenants, networks, machines and hosts for VNIs, MACs and VTEPs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from vxloom.model.show import Row
from vxloom.server.views.values import by_id, owners, within
from vxloom.store import ReadTransaction, records


@dataclass(frozen=True, slots=True)
class Names:
    """What some rows of one zone are called. A VNI, a MAC and a VTEP are each unique within their zone."""

    networks: dict[int, str]
    """VNI → network."""
    owners: dict[int, dict[str, str]]
    """VNI → whose it is: account or project, and domain."""
    machines: dict[str, str]
    """MAC → machine."""
    hosts: dict[str, str]
    """VTEP → host."""

    def name(self, row: Row) -> Row:
        """Return the row with the names of what it has. Pure."""
        vni = -1 if row.vni is None else row.vni
        whose = self.owners.get(vni, {})
        return msgspec.structs.replace(
            row,
            network=self.networks.get(vni, ""),
            account=whose.get("account", ""),
            project=whose.get("project", ""),
            domain=whose.get("domain", ""),
            vm=self.machines.get(row.mac, ""),
            remote_host=self.hosts.get(row.vtep, ""),
        )


def names_of(rx: ReadTransaction, zone: str, rows: Sequence[Row]) -> Names:
    """Return the names of what these rows of a zone have."""
    found = within(rx, records.Network, "vni", (row.vni for row in rows if row.vni is not None))
    networks = {net.vni: net for net in found if net.vni is not None and net.zone == zone and net.broadcast_scheme == "vxlan"}
    whose = owners(rx, (network.account for network in networks.values()))
    nics = within(rx, records.Nic, "mac", (row.mac for row in rows if row.mac))
    machines = by_id(rx, records.Vm, (nic.vm for nic in nics))
    return Names(
        networks={vni: network.name for vni, network in networks.items()},
        owners={vni: whose[network.account] for vni, network in networks.items()},
        machines={nic.mac: vm.name for nic in nics if (vm := machines.get(nic.vm)) is not None and vm.zone == zone},
        hosts={host.vtep: host.name for host in rx.all(records.Host, zone=zone) if host.vtep},
    )

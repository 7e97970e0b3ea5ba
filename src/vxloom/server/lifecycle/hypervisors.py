"""What kinds of hosts a zone has, and how the simulated ones are kept apart from those with a kernel."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from vxloom import __version__
from vxloom.errors import RequestError
from vxloom.store import ReadTransaction, Transaction, records

KVM, SIMULATOR = records.Hypervisor.KVM, records.Hypervisor.SIMULATOR
CLOUDSTACKS = {"kvm", "simulator", "xenserver", "vmware", "hyperv", "baremetal", "lxc", "ovm", "ovm3", "external"}
"""What CloudStack knows as a hypervisor, lower case. A filter by one of these finds its hosts; any other text filters nothing."""
MIXED = "zone.mixed"
"""Alert: a zone has hosts with a kernel and simulated ones."""
_VTEPS = ipaddress.IPv4Network("198.18.0.0/15")
"""Tunnel end points of simulated hosts: RFC 2544's benchmarking range, which nobody routes."""
_FACTS = {"kernel": "none (simulated)", "cores": "64", "memory": str(512 << 30), "underlay_mtu": "1500"}


def hypervisor(text: str) -> records.Hypervisor:
    """Return the hypervisor of a name in any case; raises :class:`RequestError` 431 for one we do not run."""
    for known in records.Hypervisor:
        if text.strip().lower() == known.lower():
            return known
    raise RequestError(f"Hypervisor {text[:80]} is not supported", remedy=f"give {' or '.join(records.Hypervisor)}")


def name_in(url: str) -> str:
    """Return the name of the host a URL means: its host part, and for a simulated one its path: http://sim/c0/h0 is c0-h0.

    Raises :class:`RequestError` 431 for a URL that cannot be read.
    """
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        name = "-".join(part for part in parts.path.split("/") if part) or parts.hostname or url.strip()
    except ValueError:
        raise RequestError(f"Invalid url {url[:80]}", remedy="write http://h1") from None
    if not name or len(name) > 255:
        raise RequestError(f"Invalid url {url[:80]}", remedy="write http://h1")
    return name


def add_simulated(tx: Transaction, cluster: records.Cluster, name: str, tags: str | None) -> records.Host:
    """Insert a simulated host: Up, with a tunnel end point of its own. Its stream is begun after the commit.

    Raises :class:`RequestError` 533 when the range of tunnel end points is used up: numbers are never given twice.
    """
    host = tx.add_host(
        records.Host(
            zone=cluster.zone,
            pod=cluster.pod,
            cluster=cluster.id,
            name=name,
            hypervisor=SIMULATOR,
            state=records.HostState.UP,
            tags=tags,
            facts=_FACTS,
            version=f"{__version__} (simulated)",
        )
    )
    if host.number >= _VTEPS.num_addresses - 1:
        raise RequestError(f"There is no tunnel end point left in {_VTEPS} for another simulated host", code=533, cs_code=4370)
    address = str(_VTEPS[host.number])
    return tx.update(records.Host, host.id, vtep=address, address=address)


def note_mixture(tx: Transaction, zone: str) -> None:
    """Raise or resolve the alert about a zone with both kinds of hosts: machines on the one never reach those on the other."""
    kinds = {kind for kind in records.Hypervisor if tx.count(records.Host, zone=zone, hypervisor=kind)}
    row = tx.get(records.Zone, zone)
    if len(kinds) > 1 and row is not None:
        tx.alert(MIXED, zone, f"zone {row.name} has simulated hosts beside real ones: machines on the simulated ones are reached by nobody")
    else:
        tx.resolve_alert(MIXED, zone)


def kinds_in(rx: ReadTransaction, zone: str | None) -> list[records.Hypervisor]:
    """Return the hypervisors of a zone's clusters (None: of all zones); KVM always."""
    where: dict[str, object] = {"zone": zone} if zone else {}
    return [kind for kind in records.Hypervisor if kind is KVM or rx.count(records.Cluster, **where, hypervisor=kind)]

"""Life of a network: Allocated (no VNI) → Implemented (a VNI, a fixed MTU) → gone."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.lifecycle import services
from vxloom.store import ReadTransaction, Transaction, records

OVERHEAD_IPV4 = 50
OVERHEAD_IPV6 = 70
"""Bytes VXLAN adds: outer Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8 (RFC 7348 section 5)."""
UNDERLAY_MTU = 1500
_LEAST_MTU, _MOST_MTU = 1280, 65536
"""What RFC 8200 section 5 asks of every link, and the loopback device's."""


UNDELIVERED = "network.services"
"""Alert: a network whose offering names services that nobody delivers."""


def mtu_of(rx: ReadTransaction, zone: str) -> int:
    """Return what a guest may send in one packet, in bytes: the least any of the zone's hosts can carry."""
    hosts = rx.all(records.Host, zone=zone)
    return min((_inner_mtu(host) for host in hosts), default=UNDERLAY_MTU - OVERHEAD_IPV4)


def implement(call: Call, tx: Transaction, network: records.Network) -> records.Network:
    """Give a network its VNI (the stated one it has already, else a random free one) and its MTU; nothing happens when it has both.

    Raises :class:`RequestError` 533 when the zone has no VNI left.
    """
    if network.state is not records.NetworkState.ALLOCATED:
        return network
    if network.vni is None:
        vni = tx.take_vni(network.id)
        _zone_event(tx, call.caller.user.id, "ZONE.VLAN.ASSIGN", f"Assigned Zone vNet: {vni} to network {network.name}", network)
    mtu = network.mtu or mtu_of(tx, network.zone)
    return tx.update(records.Network, network.id, state=records.NetworkState.IMPLEMENTED, mtu=mtu)


def set_up(call: Call, tx: Transaction, network: records.Network) -> records.Network:
    """Give a shared network its VNI and its MTU at once: it is Setup as long as it is there."""
    network = implement(call, tx, network)
    return tx.update(records.Network, network.id, state=records.NetworkState.SETUP)


def tell_undelivered(tx: Transaction, network: records.Network, offering: records.NetworkOffering) -> None:
    """Raise an alert that names the services of a network's offering that nobody delivers; none of those: end it."""
    lacking = services.missing(offering.services)
    if not lacking:
        tx.resolve_alert(UNDELIVERED, network.id)
        return
    text = (
        f"network {network.name}: its offering {offering.name} names {', '.join(lacking)}, which nobody delivers here; its guests do "
        "without, or run a router of their own"
    )
    tx.alert(UNDELIVERED, network.id, text)


def refuse_in_use(tx: ReadTransaction, network: records.Network) -> None:
    """Raise 536 while machines are on a network."""
    nics = tx.all(records.Nic, network=network.id, limit=5)
    if not nics:
        return
    names = sorted({vm.name for vm in tx.all(records.Vm, id={nic.vm for nic in nics})})
    raise RequestError(
        f"Unable to delete network {network.name}: instances are using it, such as {', '.join(names)}",
        code=536,
        cs_code=4375,
        remedy="destroy them with expunge=true first",
    )


def shut_down(tx: Transaction, network: records.Network) -> records.Network:
    """Take a network that no host has back to Allocated. Its VNI drains (law 7), unless it was stated; the next start may give another."""
    if not network.specified_vlan:
        _release(tx, network, None)
    return tx.update(records.Network, network.id, state=records.NetworkState.ALLOCATED, mtu=None, idle=None)


def delete(call: Call, tx: Transaction, network: records.Network) -> None:
    """Remove a network nobody is on; its VNI drains (law 7)."""
    refuse_in_use(tx, network)
    _release(tx, network, call.caller.user.id)
    tx.resolve_alert(UNDELIVERED, network.id)
    tx.delete_where(records.Tag, resource=network.id)
    tx.delete(records.Network, network.id)


def _release(tx: Transaction, network: records.Network, user: str | None) -> None:
    if network.vni is not None:
        tx.release_vni(network.id)
        _zone_event(tx, user, "ZONE.VLAN.RELEASE", f"Released Zone vNet: {network.vni} of network {network.name}", network)


def _zone_event(tx: Transaction, user: str | None, kind: str, text: str, network: records.Network) -> None:
    """Leave an entry of no account: VNIs are for root admins."""
    tx.event(kind, text, user=user, resource_type="Network", resource=network.id)


def _inner_mtu(host: records.Host) -> int:
    reported = host.facts.get("underlay_mtu", "")
    told = int(reported) if reported.isascii() and reported.isdigit() and len(reported) < 9 else 0
    # What no underlay has is not believed: one host must not fix an absurd MTU for everybody's new networks.
    underlay = told if _LEAST_MTU <= told <= _MOST_MTU else UNDERLAY_MTU
    return underlay - (OVERHEAD_IPV6 if ":" in host.vtep else OVERHEAD_IPV4)

"""Intent: what people asked for, as the compiler reads it. Frozen, complete, free of any host's state.

The store builds an :class:`Intent` for a whole zone or for one network (all its NICs and the hosts they are
bound to); the compiler cannot tell the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class BindingState(StrEnum):
    """A NIC's relation to one host. A NIC has bindings, never one host column."""

    INCOMING = "incoming"
    """Prepared here (device, filters, rows), not yet sending: the destination of a move."""
    ACTIVE = "active"
    """Lives here; peers send here."""
    OUTGOING = "outgoing"
    """Left here; withdrawn once the new place is acknowledged."""


class GuestSource(StrEnum):
    """Who plugs the tap in on the host."""

    NAMESPACE = "namespace"
    EXTERNAL = "external"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Binding:
    """One NIC on one host. ``sequence`` grows with every change of place; the highest active one wins."""

    host: str
    state: BindingState
    sequence: int


@dataclass(frozen=True, slots=True)
class Host:
    """A hypervisor. ``number`` is the store's small integer that rows carry; never given to another host.

    ``vtep`` is the tunnel end point's address (text, IPv4 or IPv6) as the agent reported it.
    """

    id: str
    number: int
    name: str
    vtep: str
    labels: tuple[tuple[str, str], ...] = ()
    """Physical network id → traffic label (the bridge or interface on this host)."""


@dataclass(frozen=True, slots=True)
class Network:
    """A tenant's layer-2 network, implemented as one segment."""

    id: str
    name: str
    tenant: str
    vni: int
    mtu: int
    """What a guest may send: underlay MTU less 50 (IPv4 underlay) or 70 (IPv6), bytes."""
    addressed: bool
    """True where the cloud gives the addresses (Isolated, Shared): IP filters apply. False for L2 networks."""
    prefixes: tuple[str, ...] = ()
    """CIDRs of the network, IPv4 and IPv6."""
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Nic:
    """A VM's attachment to a network."""

    id: str
    vm: str
    vm_name: str
    network: str
    mac: str
    ips: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    """IPs and MACs that several NICs may hold (VRRP): allowed here, never answered statically."""
    held: tuple[str, ...] = ()
    """Those of ``shared`` whose holder this NIC was last seen to be."""
    bindings: tuple[Binding, ...] = ()
    running: bool = True
    source: GuestSource = GuestSource.NAMESPACE
    position: int = 0
    """Which NIC of its VM (0 is the first)."""
    tap: str = ""
    """Name of a tap that others plug in (``external``); empty: :func:`vxloom.model.host.tap_name`."""
    gateway: str | None = None
    """Its machine's way out; empty: none, another NIC is the default one; None: the network's."""


@dataclass(frozen=True, slots=True)
class Intent:
    """All the compiler may know of a zone, or of some of its networks."""

    zone: str
    epoch: str
    revision: int
    hosts: tuple[Host, ...] = ()
    networks: tuple[Network, ...] = ()
    nics: tuple[Nic, ...] = ()
    udp_port: int = 4789
    df: bool = True
    """Whether tunnel packets carry the outer *don't fragment* bit."""
    problems: tuple[str, ...] = field(default=())

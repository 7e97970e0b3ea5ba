"""The host document: all one host must know besides its segments' tables. What a host is sent follows from
bindings, never from what it asks for.

A port's security fields are strict: a field this version does not know refuses that port (fail closed), and
only that port.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from vxloom.model.intent import BindingState, GuestSource


class PortSecurity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a port may send. Unknown fields refuse the port."""

    macs: tuple[str, ...]
    """Source MACs allowed: the NIC's own, and shared ones."""
    ips: tuple[str, ...] = ()
    """Source IPs allowed (own and shared), where ``checked``. Link-local of the own MAC is always allowed."""
    checked: bool = True
    """Whether IP, ARP and ND senders are held to ``ips`` (False on L2 networks, whose addresses we do not give)."""


class PortDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """A NIC's binding on this host."""

    nic: str
    vm: str
    vm_name: str
    vni: int
    mac: str
    state: BindingState
    sequence: int
    security: PortSecurity
    tap: str
    running: bool = True
    source: GuestSource = GuestSource.NAMESPACE
    position: int = 0
    ips: tuple[str, ...] = ()
    """``address/prefix`` of the guest, where the cloud gives them."""
    gateway: str = ""
    shared: tuple[str, ...] = ()
    """Shared IPs and MACs whose holder is watched for on this tap."""
    held: tuple[str, ...] = ()
    """Those of ``shared`` this NIC was last seen to hold; decides between two NICs of one host."""


class SegmentNeed(msgspec.Struct, frozen=True):
    """A segment this host takes part in, and the revision its table must reach."""

    vni: int
    revision: int


class HostDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything about one host. Sent whole: it is small (about 300 bytes a port)."""

    host: str
    number: int
    name: str
    zone: str
    epoch: str
    revision: int
    vtep: str
    udp_port: int = 4789
    df: bool = True
    """Outer DF bit on our VXLAN devices: without it routers fragment silently (measured)."""
    segments: tuple[SegmentNeed, ...] = ()
    ports: tuple[msgspec.Raw, ...] = ()
    """Encoded :class:`PortDocument` each, decoded one by one by :func:`decode_ports`."""
    gone_ports: tuple[str, ...] = ()
    """Tombstones: NIC ids withdrawn from this host and not yet acknowledged. Nothing else is ever removed."""
    gone_segments: tuple[int, ...] = ()
    """Tombstones: VNIs this host no longer takes part in."""
    removal_share: float = 0.2
    """A plan that removes more than this share of the host's ports waits for a person (law 6)."""
    storm_limit: int = 0
    """Frames a second a port may send to all or to a group; 0: any number. No field of :class:`PortSecurity`: an agent that does not know
    it limits nothing, and binds its ports."""


@dataclass(frozen=True, slots=True)
class RefusedPort:
    """A port this version must not bind, and why."""

    nic: str
    reason: str


def tap_name(nic: str) -> str:
    """Return the tap's name for a NIC id (UUID): 14 characters, the same on every host and after a restore."""
    return "vt" + nic.replace("-", "")[:12]


def decode_ports(document: HostDocument) -> tuple[tuple[PortDocument, ...], tuple[RefusedPort, ...]]:
    """Return the ports to bind and the ports to refuse."""
    bound: list[PortDocument] = []
    refused: list[RefusedPort] = []
    for raw in document.ports:
        try:
            bound.append(msgspec.msgpack.decode(raw, type=PortDocument))
        except msgspec.ValidationError as error:
            refused.append(RefusedPort(_nic_of(raw), str(error)))
    return tuple(bound), tuple(refused)


def encode_port(port: PortDocument) -> msgspec.Raw:
    """Return a port as :class:`HostDocument` carries it."""
    return msgspec.Raw(msgspec.msgpack.encode(port))


class _NicOnly(msgspec.Struct):
    nic: str = "?"


def _nic_of(raw: msgspec.Raw) -> str:
    try:
        return msgspec.msgpack.decode(raw, type=_NicOnly).nic
    except msgspec.ValidationError:
        return "?"

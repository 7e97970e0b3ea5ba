"""Zones, hosts and what they are told of physical networks."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from vxloom.store.records.words import (
    HostState,
    new_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    id: str = field(default_factory=new_id)
    name: str
    network_type: str = "Advanced"
    allocation_state: str = "Disabled"
    dns1: str | None = None
    dns2: str | None = None
    internal_dns1: str | None = None
    internal_dns2: str | None = None
    ip6_dns1: str | None = None
    ip6_dns2: str | None = None
    domain: str | None = None
    """Of a dedicated zone."""
    network_domain: str | None = None
    guest_cidr: str | None = None
    dhcp_provider: str = "VirtualRouter"
    local_storage: bool = False
    security_groups: bool = False
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    revision: int = 0
    """Written by the store at commit, never by anyone else."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    id: str = field(default_factory=new_id)
    zone: str
    name: str
    gateway: str | None = None
    netmask: str | None = None
    start_ip: str | None = None
    end_ip: str | None = None
    allocation_state: str = "Enabled"
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    id: str = field(default_factory=new_id)
    zone: str
    pod: str
    name: str
    hypervisor: str = "KVM"
    cluster_type: str = "CloudManaged"
    allocation_state: str = "Enabled"
    managed_state: str = "Managed"
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    id: str = field(default_factory=new_id)
    number: int = 0
    """Given by `Transaction.add_host`; never given to another host."""
    zone: str
    pod: str
    cluster: str
    name: str
    address: str | None = None
    """Where the agent came from (``ipaddress`` of the API)."""
    vtep: str = ""
    type: str = "Routing"
    hypervisor: str = "KVM"
    state: HostState = HostState.DISCONNECTED
    resource_state: str = "Enabled"
    tags: str | None = None
    """``hosttags``: comma list."""
    labels: dict[str, str] = field(default_factory=dict)
    """Traffic label → state of the device it names, as the agent reported."""
    facts: dict[str, str] = field(default_factory=dict)
    """Kernel, cores, memory, ``underlay_mtu``… as the agent reported."""
    version: str | None = None
    annotation: str | None = None
    """What people noted about it."""
    confirmed_epoch: str | None = None
    """Epoch a person confirmed for this host after a restore."""
    disconnected: float | None = None
    revision: int = 0
    """Of the host document; written by the store at commit."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowPath:
    """One direction between two VTEPs that carried less than its networks needed when it was measured last."""

    id: str = field(default_factory=new_id)
    zone: str
    host: str
    """Who sends."""
    remote: str
    """The VTEP it sends to."""
    carries: int
    """Bytes of the largest outer IP packet that passed; 0: none did."""
    measured: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinToken:
    """A one-time permission to join. ``secret_hash``: hex SHA-256 of the secret, never the secret."""

    id: str = field(default_factory=new_id)
    secret_hash: str
    name: str
    zone: str
    pod: str
    cluster: str
    expires: float
    host: str | None = None
    """Who redeemed it."""
    key_hash: str | None = None
    """Hex SHA-256 of the CSR's public key that redeemed it: the same key may ask again (a crash after redeeming is harmless)."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate given to a host. Serial numbers are hex text."""

    id: str
    """Serial number, hex."""
    host: str
    key_hash: str
    not_after: float
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalNetwork:
    id: str = field(default_factory=new_id)
    zone: str
    name: str
    isolation_method: str = "VXLAN"
    """VXLAN, VLAN; empty: the setting ``network.vlan.interfacetype`` says."""
    broadcast_domain_range: str = "ZONE"
    network_speed: str | None = None
    tags: str | None = None
    state: str = "Disabled"
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class VniRange:
    """An interval of VNIs, both ends included. Two ranges of a zone never overlap."""

    id: str = field(default_factory=new_id)
    zone: str
    physical_network: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DedicatedRange:
    """An interval of VNIs, both ends included, that only one account's networks get. Two of a zone never overlap."""

    id: str = field(default_factory=new_id)
    zone: str
    physical_network: str
    account: str
    start: int
    end: int
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficType:
    id: str = field(default_factory=new_id)
    physical_network: str
    traffic_type: str
    """Guest, Management, Public, Storage."""
    kvm_label: str | None = None
    vmware_label: str | None = None
    xen_label: str | None = None
    hyperv_label: str | None = None
    ovm3_label: str | None = None
    isolation_method: str | None = None
    vlan: str | None = None
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A network service provider of a physical network, with its element (virtual router) switch."""

    id: str = field(default_factory=new_id)
    physical_network: str
    name: str
    state: str = "Disabled"
    element: str = field(default_factory=new_id)
    enabled: bool = False
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IpRange:
    """``createVlanIpRange``: addresses of a shared or public network."""

    id: str = field(default_factory=new_id)
    zone: str
    network: str | None = None
    physical_network: str | None = None
    pod: str | None = None
    vlan: str | None = None
    """In the form ``vlan://310`` or ``vxlan://5001``."""
    start_ip: str | None = None
    end_ip: str | None = None
    netmask: str | None = None
    gateway: str | None = None
    start_ip6: str | None = None
    end_ip6: str | None = None
    ip6_cidr: str | None = None
    ip6_gateway: str | None = None
    for_virtual_network: bool = False
    for_system_vms: bool = False
    created: float = field(default_factory=time.time)

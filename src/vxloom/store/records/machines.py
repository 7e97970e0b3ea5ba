"""What people order: offerings, templates, networks, virtual machines."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vxloom.model.intent import BindingState, GuestSource
from vxloom.store.records.words import (
    NetworkState,
    VmState,
    new_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOffering:
    id: str = field(default_factory=new_id)
    name: str
    display_text: str
    guest_type: str
    """L2, Isolated, Shared."""
    traffic_type: str = "Guest"
    state: str = "Disabled"
    availability: str = "Optional"
    is_default: bool = False
    conserve_mode: bool = True
    specify_vlan: bool = False
    specify_ip_ranges: bool = False
    is_persistent: bool = False
    egress_default: bool = False
    for_vpc: bool = False
    network_rate: int | None = None
    max_connections: int | None = None
    tags: str | None = None
    service_offering: str | None = None
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Service name → providers."""
    details: dict[str, str] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOffering:
    id: str = field(default_factory=new_id)
    name: str
    display_text: str
    cpu_number: int = 1
    cpu_speed: int = 500
    """MHz."""
    memory: int = 512
    """MiB."""
    host_tags: str | None = None
    is_system: bool = False
    offer_ha: bool = False
    limits: dict[str, str] | None = None
    """Of a customized offering, where whoever deploys says how many cores and how much memory: ``minCPUNumber``, ``maxCPUNumber``,
    ``minMemory``, ``maxMemory``, each optional. None: the offering is fixed.
    """
    removed: float | None = None
    """When it was deleted: machines that have it keep it, nobody else gets it."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    id: str = field(default_factory=new_id)
    name: str
    display_text: str
    account: str
    hypervisor: str = "KVM"
    format: str = "QCOW2"
    os_type: str = "Other (64-bit)"
    size: int = 0
    """Bytes."""
    is_public: bool = True
    is_featured: bool = True
    is_ready: bool = True
    guest_source: GuestSource = GuestSource.NAMESPACE
    removed: float | None = None
    """When it was deleted: machines made of it keep it, nobody else gets it."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    id: str = field(default_factory=new_id)
    name: str
    display_text: str
    zone: str
    physical_network: str
    offering: str
    account: str
    guest_type: str
    state: NetworkState = NetworkState.ALLOCATED
    traffic_type: str = "Guest"
    vni: int | None = None
    """None until implemented. Set by `Transaction.take_vni`, cleared by `release_vni`."""
    broadcast_scheme: str = "vxlan"
    """``vxlan`` or ``vlan`` (then ``vni`` holds the VLAN)."""
    specified_vlan: bool = False
    """The VNI was stated by the caller, and stays with the network."""
    cidr: str | None = None
    gateway: str | None = None
    netmask: str | None = None
    ip6_cidr: str | None = None
    ip6_gateway: str | None = None
    start_ip: str | None = None
    end_ip: str | None = None
    start_ip6: str | None = None
    end_ip6: str | None = None
    dns1: str | None = None
    dns2: str | None = None
    ip6_dns1: str | None = None
    ip6_dns2: str | None = None
    network_domain: str | None = None
    mtu: int | None = None
    """Fixed when implemented; ``privatemtu``."""
    acl_type: str = "Account"
    domain: str | None = None
    """With ``acl_type`` Domain: whose accounts may use it; None: everybody's."""
    subdomain_access: bool = False
    display_network: bool = True
    is_persistent: bool = False
    restart_required: bool = False
    idle: float | None = None
    """When a look for unused networks first found none of its NICs on a host; None: not idle, or not looked at since."""
    revision: int = 0
    """Of the segment table; written by the store at commit."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm:
    id: str = field(default_factory=new_id)
    name: str
    display_name: str
    instance_name: str = ""
    """``i-2-7-VM`` in the real server; unique text of ours."""
    zone: str
    account: str
    user: str | None = None
    state: VmState = VmState.STOPPED
    service_offering: str
    template: str
    guest_source: GuestSource = GuestSource.NAMESPACE
    last_host: str | None = None
    display_vm: bool = True
    ha_enable: bool = False
    group_name: str | None = None
    keypair: str | None = None
    user_data: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    destroyed: float | None = None
    """When it was destroyed: it is expunged ``expunge.delay`` seconds later."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    id: str = field(default_factory=new_id)
    vm: str
    network: str
    mac: str
    is_default: bool = False
    position: int = 0
    """``deviceid``: 0 is the first."""
    tap: str = ""
    """Name of a tap that others plug in; empty: ours."""
    shared: tuple[str, ...] = ()
    """IPs and MACs several NICs may hold (VRRP)."""
    held: tuple[str, ...] = ()
    """Those of ``shared`` whose holder this NIC was last seen to be; written by `Transaction.claim`."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class NicIp:
    """An address of a NIC (own, or secondary)."""

    id: str = field(default_factory=new_id)
    nic: str
    address: str
    family: int = 4
    secondary: bool = False
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One NIC on one host. Written by `Transaction.bind` and `unbind` only."""

    id: str = field(default_factory=new_id)
    nic: str
    host: str
    state: BindingState
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    id: str = field(default_factory=new_id)
    account: str
    resource_type: str
    resource: str
    key: str
    value: str
    customer: str | None = None
    created: float = field(default_factory=time.time)

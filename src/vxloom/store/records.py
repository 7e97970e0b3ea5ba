"""The store's rows as values: one frozen dataclass per table, one field per column. `schema.py` makes the tables from these.

Conventions: every ``id`` is a lower-case UUID text; every time is Unix time in seconds (UTC, float); a field that ends in the name of
another record (``zone``, ``network``, ``host``) holds that record's id; addresses are canonical text. ``None`` means "not given" and
is left out of API answers. Tuples and dicts are stored as JSON.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from vxloom.model.intent import BindingState, GuestSource


def new_id() -> str:
    """Return a fresh UUID as text, lower case."""
    return str(uuid.uuid4())


class AccountType(IntEnum):
    """CloudStack's ``accounttype``."""

    USER = 0
    ROOT_ADMIN = 1
    DOMAIN_ADMIN = 2


class VmState(StrEnum):
    """CloudStack's ``state`` of a virtual machine."""

    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    MIGRATING = "Migrating"
    DESTROYED = "Destroyed"
    EXPUNGING = "Expunging"
    ERROR = "Error"


class NetworkState(StrEnum):
    """CloudStack's ``state`` of a network. It has a VNI from ``IMPLEMENTING`` (or ``SETUP``, shared networks) on."""

    ALLOCATED = "Allocated"
    IMPLEMENTING = "Implementing"
    IMPLEMENTED = "Implemented"
    SETUP = "Setup"
    SHUTDOWN = "Shutdown"
    DESTROY = "Destroy"


class HostState(StrEnum):
    """CloudStack's ``state`` of a host; stored on change only."""

    UP = "Up"
    DISCONNECTED = "Disconnected"
    DOWN = "Down"
    ALERT = "Alert"


class JobStatus(IntEnum):
    """CloudStack's ``jobstatus``."""

    PENDING = 0
    DONE = 1
    FAILED = 2


class AllocationState(StrEnum):
    """Where a VNI, MAC or IP stands between pool and use (law 7)."""

    USED = "used"
    DRAINING = "draining"
    """Given back, but a host may still believe in it; `Store.reap` frees it."""


class WaitRole(StrEnum):
    """What a job's wait is for (law 9)."""

    MUST = "must"
    PEER = "peer"


class WaitKind(StrEnum):
    """What the host has to acknowledge."""

    HOST = "host"
    """Its host document. ``key`` is the host id."""
    SEGMENT = "segment"
    """A segment's table. ``key`` is the VNI as text."""


class BeliefKind(StrEnum):
    """What a host was told (law 7)."""

    SEGMENT = "segment"
    """It takes part in a VNI. ``key`` is the VNI as text."""
    PORT = "port"
    """It holds a port. ``key`` is the NIC id."""
    HELD = "held"
    """It says that it holds a VNI this store never sent it (another history). ``key`` is the VNI as text. Never a tombstone."""


# --- the cloud's owners ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    id: str = field(default_factory=new_id)
    name: str
    parent: str | None = None
    path: str
    """``ROOT``, ``ROOT/a``, ``ROOT/a/b``."""
    level: int = 0
    network_domain: str | None = None
    state: str = "Active"
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str = field(default_factory=new_id)
    name: str
    domain: str
    type: AccountType = AccountType.USER
    state: str = "enabled"
    network_domain: str | None = None
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str = field(default_factory=new_id)
    username: str
    account: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    timezone: str | None = None
    state: str = "enabled"
    api_key: str | None = None
    secret_key: str | None = None
    password_hash: str | None = None
    created: float = field(default_factory=time.time)


# --- infrastructure -------------------------------------------------------------------------------------------------


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
    confirmed_epoch: str | None = None
    """Epoch a person confirmed for this host after a restore."""
    disconnected: float | None = None
    revision: int = 0
    """Of the host document; written by the store at commit."""
    created: float = field(default_factory=time.time)


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


# --- offerings and templates ------------------------------------------------------------------------------------------


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
    created: float = field(default_factory=time.time)


# --- networks, machines -----------------------------------------------------------------------------------------------


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
    subdomain_access: bool = False
    display_network: bool = True
    is_persistent: bool = False
    restart_required: bool = False
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
    created: float = field(default_factory=time.time)


# --- allocations and beliefs (law 7) -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class VniAllocation:
    id: str = field(default_factory=new_id)
    zone: str
    vni: int
    physical_network: str | None = None
    network: str | None = None
    """Whose it is or was; None: a host says it holds it, and we do not know for whom."""
    account: str | None = None
    state: AllocationState = AllocationState.USED
    release_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MacAllocation:
    id: str = field(default_factory=new_id)
    zone: str
    mac: str
    nic: str
    vni: int | None = None
    """The segment it was last known in; None: never published."""
    state: AllocationState = AllocationState.USED
    release_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpAllocation:
    id: str = field(default_factory=new_id)
    zone: str
    network: str
    address: str
    offset: int | None = None
    """Distance from the prefix's first address, where it fits 63 bits: gaps are found by it."""
    family: int = 4
    nic: str
    vni: int | None = None
    state: AllocationState = AllocationState.USED
    release_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Something a host was sent and may still hold. With ``gone_revision`` it is a tombstone."""

    id: str = field(default_factory=new_id)
    zone: str
    host: str
    kind: BeliefKind
    key: str
    since: int = 0
    gone_revision: int | None = None
    acked: int = 0
    """Segments: the highest table revision acknowledged while an allocation of it was draining."""


# --- jobs, history, settings ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    id: str = field(default_factory=new_id)
    command: str
    account: str
    user: str
    status: JobStatus = JobStatus.PENDING
    result_code: int = 0
    result: dict[str, object] | None = None
    """The ``jobresult`` object."""
    instance_type: str | None = None
    instance: str | None = None
    phase: str = ""
    context: dict[str, object] = field(default_factory=dict)
    deadline: float | None = None
    created: float = field(default_factory=time.time)
    completed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWait:
    id: str = field(default_factory=new_id)
    job: str
    host: str
    role: WaitRole
    kind: WaitKind
    key: str
    revision: int
    acked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The audit trail: who did what to which object."""

    id: str = field(default_factory=new_id)
    type: str
    """Such as ``VM.CREATE``."""
    level: str = "INFO"
    """INFO, WARN, ERROR."""
    description: str
    account: str | None = None
    user: str | None = None
    resource_type: str | None = None
    resource: str | None = None
    state: str = "Completed"
    """Created, Scheduled, Started, Completed."""
    job: str | None = None
    archived: bool = False
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    id: str = field(default_factory=new_id)
    type: int
    name: str
    """Stable code, such as ``host.silent``."""
    subject: str
    """The object it concerns: id or name. One open alert per (name, subject)."""
    description: str
    sent: float = field(default_factory=time.time)
    resolved: float | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A setting given a value. ``zone`` None: global."""

    id: str = field(default_factory=new_id)
    name: str
    zone: str | None = None
    value: str
    updated: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    id: str = field(default_factory=new_id)
    zone: str
    revision: int
    nonce: str
    actor: str
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object of one revision. ``kind`` "segment": ``key`` is the network id; "host": the host id. ``op``: "put" or "gone"."""

    id: str = field(default_factory=new_id)
    zone: str
    revision: int
    kind: str
    key: str
    vni: int | None = None
    """Segments only."""
    op: str = "put"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    id: str
    """``epoch``, ``created``, ``next_host_number``."""
    value: str

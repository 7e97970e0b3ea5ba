"""The store's rows as values: one frozen dataclass per table, one field per column. `vxloom.store.schema` makes the tables from these.

Conventions: every ``id`` is a lower-case UUID text; every time is Unix time in seconds (UTC, float); a field that ends in the name of
another record (``zone``, ``network``, ``host``) holds that record's id; addresses are canonical text. ``None`` means "not given" and
is left out of API answers. Tuples and dicts are stored as JSON.
"""

from vxloom.store.records.allocations import Belief, IpAllocation, MacAllocation, VniAllocation
from vxloom.store.records.history import Alert, Change, Configuration, Event, Job, JobWait, Meta, Revision
from vxloom.store.records.infrastructure import (
    Certificate,
    Cluster,
    Host,
    IpRange,
    JoinToken,
    PhysicalNetwork,
    Pod,
    Provider,
    TrafficType,
    VniRange,
    Zone,
)
from vxloom.store.records.machines import Binding, Network, NetworkOffering, Nic, NicIp, ServiceOffering, Tag, Template, Vm
from vxloom.store.records.owners import Account, Domain, User
from vxloom.store.records.words import (
    AccountType,
    AllocationState,
    BeliefKind,
    HostState,
    JobStatus,
    NetworkState,
    VmState,
    WaitKind,
    WaitRole,
    new_id,
)

__all__ = [
    "Account",
    "AccountType",
    "Alert",
    "AllocationState",
    "Belief",
    "BeliefKind",
    "Binding",
    "Certificate",
    "Change",
    "Cluster",
    "Configuration",
    "Domain",
    "Event",
    "Host",
    "HostState",
    "IpAllocation",
    "IpRange",
    "Job",
    "JobStatus",
    "JobWait",
    "JoinToken",
    "MacAllocation",
    "Meta",
    "Network",
    "NetworkOffering",
    "NetworkState",
    "Nic",
    "NicIp",
    "PhysicalNetwork",
    "Pod",
    "Provider",
    "Revision",
    "ServiceOffering",
    "Tag",
    "Template",
    "TrafficType",
    "User",
    "Vm",
    "VmState",
    "VniAllocation",
    "VniRange",
    "WaitKind",
    "WaitRole",
    "Zone",
    "new_id",
]

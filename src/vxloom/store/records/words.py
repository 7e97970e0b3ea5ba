"""The enumerations records use, and ids."""

from __future__ import annotations

import uuid
from enum import IntEnum, StrEnum


def new_id() -> str:
    """Return a fresh UUID as text, lower case."""
    return str(uuid.uuid4())


class AccountType(IntEnum):
    """CloudStack's ``accounttype``."""

    USER = 0
    ROOT_ADMIN = 1
    DOMAIN_ADMIN = 2
    PROJECT = 5
    """The account that owns what belongs to a project; nobody signs in as it."""


DEFAULT_ROLES = {
    AccountType.USER: "7c1a0de2-6f0b-5b0c-9f5e-3d0f5a1c0001",
    AccountType.ROOT_ADMIN: "7c1a0de2-6f0b-5b0c-9f5e-3d0f5a1c0002",
    AccountType.DOMAIN_ADMIN: "7c1a0de2-6f0b-5b0c-9f5e-3d0f5a1c0003",
}
"""The role of accounts that were given none; its id is the same in every store."""


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


class Hypervisor(StrEnum):
    """CloudStack's ``hypervisor`` of a host or cluster."""

    KVM = "KVM"
    SIMULATOR = "Simulator"
    """A host inside the server, for clients, tests and scale runs: no kernel, no guests, no frames."""


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


class ProjectRole(StrEnum):
    """CloudStack's ``role`` of a project's member."""

    ADMIN = "Admin"
    REGULAR = "Regular"


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

"""What an empty store begins with: the epoch, the root domain, the admin, offerings and the one template; and what later versions add."""

from __future__ import annotations

import secrets
import time

from vxloom.model.intent import GuestSource
from vxloom.store import records as r
from vxloom.store.writing import WriteTransaction

_DEFAULTS = 3
"""Raised whenever :func:`complete` learns to add something."""
_ROUTER_SERVICES = ("Dhcp", "Dns", "SourceNat", "UserData")
_GUEST_SERVICES = ("Dhcp", "Dns", "UserData")
_EDGE_SERVICES = (*_GUEST_SERVICES, "Firewall", "Lb", "PortForwarding", "SourceNat", "StaticNat", "Vpn")
PROVIDERS: dict[str, tuple[str, ...]] = {
    "VirtualRouter": ("Dhcp", "Dns", "Firewall", "Gateway", "Lb", "PortForwarding", "SourceNat", "StaticNat", "UserData", "Vpn"),
    "SecurityGroupProvider": ("SecurityGroup",),
    "VpcVirtualRouter": ("Dhcp", "Dns", "Gateway", "Lb", "NetworkACL", "PortForwarding", "SourceNat", "StaticNat", "UserData", "Vpn"),
    "InternalLbVm": ("Lb",),
    "ConfigDrive": ("Dhcp", "Dns", "UserData"),
}
"""Network service providers of a new physical network, and their services (NetworkServiceImpl.java)."""


def begin(tx: WriteTransaction) -> None:
    """Write the first rows."""
    tx.add_all([r.Meta(id="created", value=repr(time.time())), r.Meta(id="next_host_number", value="1")])
    root = tx.add(r.Domain(name="ROOT", path="ROOT"))
    admin = tx.add(r.Account(name="admin", domain=root.id, type=r.AccountType.ROOT_ADMIN))
    tx.add(
        r.User(
            username="admin",
            account=admin.id,
            first_name="Admin",
            last_name="User",
            api_key=secrets.token_urlsafe(64),
            secret_key=secrets.token_urlsafe(64),
        )
    )
    small = tx.add(r.ServiceOffering(name="Small Instance", display_text="Small Instance: 1 core, 512 MiB"))
    for offering in _offerings(small.id):
        tx.add(offering)
    tx.add(
        r.Template(
            name="namespace guest",
            display_text="A network namespace that stands for a machine",
            account=admin.id,
            guest_source=GuestSource.NAMESPACE,
        )
    )


def complete(tx: WriteTransaction) -> None:
    """Add what this version's stores begin with and an older one's lacks; once, so that what somebody deletes stays deleted."""
    known = tx.get(r.Meta, "defaults")
    if known is not None and int(known.value) >= _DEFAULTS:
        return
    before = int(known.value) if known is not None else 0
    if before < 2:
        _add_offerings(tx)
        for network in tx.all(r.PhysicalNetwork):
            tx.add_all(providers(network.id))
    if before < 3:
        tx.add_all(_roles())
    if known is None:
        tx.add(r.Meta(id="defaults", value=str(_DEFAULTS)))
    else:
        tx.update(r.Meta, "defaults", value=str(_DEFAULTS))


def _roles() -> list[r.Role]:
    """Return the roles every store has (RoleType.java); their types say what they may do, so they need no rules."""
    described = (
        (r.AccountType.ROOT_ADMIN, "Root Admin", "Default root admin role"),
        (r.AccountType.DOMAIN_ADMIN, "Domain Admin", "Default domain admin role"),
        (r.AccountType.USER, "User", "Default user role"),
    )
    return [r.Role(id=r.DEFAULT_ROLES[kind], name=name, type=kind, description=text, is_default=True) for kind, name, text in described]


def providers(physical_network: str) -> list[r.Provider]:
    """Return the providers a physical network begins with."""
    return [r.Provider(physical_network=physical_network, name=name, services=services) for name, services in PROVIDERS.items()]


def _add_offerings(tx: WriteTransaction) -> None:
    """Add CloudStack's default network offerings, by the names clients look for; one that has such a name already stays as it is.

    Names and flags: ConfigurationServerImpl.createDefaultNetworkOfferings, NetworkOrchestrator.checkPersistL2NetworkOffering. Those for
    VPCs and for devices we do not have are left out.
    """
    size = tx.one(r.ServiceOffering)
    router = size.id if size else None

    def add(name: str, text: str, guest_type: str, provider: str = "", services: tuple[str, ...] = (), *, stated: bool = False) -> None:
        if tx.one(r.NetworkOffering, name=name) is not None:
            return
        offered: dict[str, tuple[str, ...]] = {
            service: ("SecurityGroupProvider" if service == "SecurityGroup" else provider,) for service in services
        }
        row = r.NetworkOffering(
            name=name,
            display_text=text,
            guest_type=guest_type,
            state="Enabled",
            is_default=True,
            specify_vlan=stated,
            specify_ip_ranges=guest_type == "Shared",
            service_offering=router,
            services=offered,
        )
        tx.add(row)

    source_nat = "DefaultIsolatedNetworkOfferingWithSourceNatService"
    add(source_nat, "Isolated, with source NAT", "Isolated", "VirtualRouter", _EDGE_SERVICES)
    add("DefaultSharedNetworkOffering", "Shared", "Shared", "VirtualRouter", _GUEST_SERVICES, stated=True)
    grouped = (*_GUEST_SERVICES, "SecurityGroup")
    add("DefaultSharedNetworkOfferingWithSGService", "Shared, with security groups", "Shared", "VirtualRouter", grouped, stated=True)
    add("QuickCloudNoServices", "Shared, without services", "Shared", stated=True)
    add("DefaultL2NetworkOfferingVlan", "Layer 2 only, its VNI stated", "L2", stated=True)
    add("DefaultL2NetworkOfferingConfigDrive", "Layer 2 only, with config drive user data", "L2", "ConfigDrive", ("UserData",))
    text = "Layer 2 only, with config drive user data, its VNI stated"
    add("DefaultL2NetworkOfferingConfigDriveVlan", text, "L2", "ConfigDrive", ("UserData",), stated=True)


def _offerings(router: str) -> list[r.NetworkOffering]:
    def offering(name: str, text: str, guest_type: str, services: dict[str, tuple[str, ...]]) -> r.NetworkOffering:
        return r.NetworkOffering(
            name=name,
            display_text=text,
            guest_type=guest_type,
            state="Enabled",
            is_default=True,
            service_offering=router,
            services=services,
        )

    return [
        offering("DefaultL2NetworkOffering", "Layer 2 only: guests bring their own addresses", "L2", {}),
        offering("vxloom Isolated", "Isolated, addresses given and held by the overlay, no router", "Isolated", {}),
        offering(
            "DefaultIsolatedNetworkOffering",
            "Isolated, as CloudStack names its default",
            "Isolated",
            dict.fromkeys(_ROUTER_SERVICES, ("VirtualRouter",)),
        ),
    ]

"""Network services and who provides them: CloudStack's names, and what of them this cloud delivers. Pure.

An offering may name any of them. A network shows only those that are delivered; an alert names the rest. Names: Network.java (Service,
Provider), NetworkServiceImpl.java (the providers a new physical network has).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vxloom.errors import RequestError
from vxloom.store.bootstrap import PROVIDERS

DELIVERED = frozenset({"Connectivity"})
"""What the overlay does for a network whose offering names it. Nothing else has anybody behind it: there is no router."""
SERVICES = (
    "Connectivity",
    "Dhcp",
    "Dns",
    "Firewall",
    "Gateway",
    "Lb",
    "NetworkACL",
    "PortForwarding",
    "SecurityGroup",
    "SourceNat",
    "StaticNat",
    "UserData",
    "Vpn",
)
_FOLDED = {name.lower(): name for name in SERVICES}
_PROVIDERS = {name.lower(): name for name in PROVIDERS}


ROUTER_PROVIDERS = ("VirtualRouter", "VpcVirtualRouter")
INTERNAL_LB_PROVIDERS = ("InternalLbVm",)
ELEMENT_PROVIDERS = frozenset({*ROUTER_PROVIDERS, *INTERNAL_LB_PROVIDERS})


def service(text: str) -> str:
    """Return a service's name as it is written; raises :class:`RequestError` 431 for one CloudStack does not know."""
    try:
        return _FOLDED[text.strip().lower()]
    except KeyError:
        raise RequestError(f"Invalid service name {text[:80]}", remedy=f"one of {', '.join(SERVICES)}") from None


def provider(text: str) -> str:
    """Return a provider's name as it is written; raises :class:`RequestError` 431 for one there is not."""
    try:
        return _PROVIDERS[text.strip().lower()]
    except KeyError:
        raise RequestError(f"Invalid service provider: {text[:80]}", remedy=f"one of {', '.join(PROVIDERS)}") from None


def delivered(services: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return those of an offering's services that its networks really have."""
    return {name: providers for name, providers in services.items() if name in DELIVERED}


def missing(services: Iterable[str]) -> list[str]:
    """Return those of an offering's services that nobody delivers."""
    return sorted(name for name in services if name not in DELIVERED)

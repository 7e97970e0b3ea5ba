"""Network service providers, their elements, and the services they may provide."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.store import records
from vxloom.store.bootstrap import PROVIDERS

PROVIDER = fields("""
id string the provider's id
name string VirtualRouter and the like
physicalnetworkid string its physical network's id
state string Enabled or Disabled; kept for clients: nothing provides what it names
canenableindividualservice boolean whether services may be chosen
servicelist list the services it is to provide
""")

ELEMENT = fields("""
id string the element's id
nspid string its provider's id
enabled boolean whether it was switched on; kept for clients
""")

SERVICE = fields(
    """
name string the service
capability list its capabilities: none
provider list who provides it
""",
    provider=fields(
        "name string the provider\nservicelist list its services\ncanenableindividualservice boolean whether it may do several"
    ),
)


def provider_views(providers: Sequence[records.Provider]) -> list[Fields]:
    """Return providers."""
    return [
        {
            "id": provider.id,
            "name": provider.name,
            "physicalnetworkid": provider.physical_network,
            "state": provider.state,
            "canenableindividualservice": _choosable(provider.name),
            "servicelist": list(provider.services),
        }
        for provider in providers
    ]


def element_views(providers: Sequence[records.Provider]) -> list[Fields]:
    """Return providers' elements; each has one."""
    return [{"id": provider.element, "nspid": provider.id, "enabled": provider.enabled} for provider in providers]


def service_views(services: Sequence[str], provider: str | None) -> list[Fields]:
    """Return services with those who may provide them; ``provider``: only what this one may."""
    views: list[Fields] = []
    for service in services:
        able = [name for name, offered in PROVIDERS.items() if service in offered]
        if provider is None or provider in able:
            shown: list[Fields] = [
                {"name": name, "servicelist": list(PROVIDERS[name]), "canenableindividualservice": _choosable(name)} for name in able
            ]
            views.append({"name": service, "capability": [], "provider": shown})
    return views


def _choosable(name: str) -> bool:
    return len(PROVIDERS.get(name, ())) > 1

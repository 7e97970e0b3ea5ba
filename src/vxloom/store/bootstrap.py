"""What an empty store begins with: the epoch, the root domain, the admin, offerings and the one template; and what later versions add."""

from __future__ import annotations

import secrets
import time

from vxloom.model.intent import GuestSource
from vxloom.store import records as r
from vxloom.store.writing import WriteTransaction

_DEFAULTS = 1
"""Raised whenever :func:`complete` learns to add something."""
_ROUTER_SERVICES = ("Dhcp", "Dns", "SourceNat", "UserData")


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
    if known is None:
        tx.add(r.Meta(id="defaults", value=str(_DEFAULTS)))
    else:
        tx.update(r.Meta, "defaults", value=str(_DEFAULTS))


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

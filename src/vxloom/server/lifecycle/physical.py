"""Physical networks as clients write them, and the one a new network goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from vxloom.errors import RequestError
from vxloom.server.lifecycle import services
from vxloom.server.parameters import Arguments, unknown_id
from vxloom.store import ReadTransaction, records
from vxloom.store.bootstrap import PROVIDERS

TRAFFIC = {name.lower(): name for name in ("Guest", "Management", "Public", "Storage")}
LABELS = {
    "kvmnetworklabel": "kvm_label",
    "vmwarenetworklabel": "vmware_label",
    "xennetworklabel": "xen_label",
    "hypervnetworklabel": "hyperv_label",
    "ovm3networklabel": "ovm3_label",
}


METHODS = ("VXLAN", "VLAN")
"""Isolation methods a physical network may state."""


class Labels(TypedDict):
    """The label columns of a traffic type."""

    kvm_label: str | None
    vmware_label: str | None
    xen_label: str | None
    hyperv_label: str | None
    ovm3_label: str | None


def labels(given: Arguments) -> Labels:
    """Return the labels given; None: not given."""
    return Labels(
        kvm_label=given.filled("kvmnetworklabel"),
        vmware_label=given.filled("vmwarenetworklabel"),
        xen_label=given.filled("xennetworklabel"),
        hyperv_label=given.filled("hypervnetworklabel"),
        ovm3_label=given.filled("ovm3networklabel"),
    )


def state(given: Arguments) -> str | None:
    """Return Enabled or Disabled, None when not given."""
    text = given.filled("state")
    if text is None:
        return None
    if text.lower() not in {"enabled", "disabled"}:
        raise RequestError(f"Invalid state {text[:80]}", remedy="give Enabled or Disabled")
    return text.capitalize()


def tag(given: Arguments) -> str | None:
    """Return the one tag of a physical network, None when not given."""
    tags = given.items("tags")
    if len(tags) > 1:
        raise RequestError("Only one tag can be specified for a physical network at this time")
    return tags[0] if tags else None


def provided(provider: str, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the services a provider is to provide: those chosen, or all it may. Raises :class:`RequestError` 431 for others."""
    able = PROVIDERS.get(provider, ())
    found = tuple(sorted({services.service(text) for text in chosen}))
    if wrong := [name for name in found if name not in able]:
        raise RequestError(f"Provider {provider} does not provide {', '.join(wrong)}", remedy=f"it may provide {', '.join(able)}")
    return found or able


def fetch_element(rx: ReadTransaction, given: str, names: Sequence[str]) -> records.Provider:
    """Return the provider an element is of; raises :class:`RequestError` 431 when it is none of these providers'."""
    row = rx.one(records.Provider, element=given, name=list(names))
    if row is None:
        raise unknown_id("id", given)
    return row


def guest_network(
    rx: ReadTransaction, zone: records.Zone, tags: str | None, wanted: records.PhysicalNetwork | None
) -> records.PhysicalNetwork:
    """Return the physical network a new guest network goes on: enabled, with guest traffic, carrying the offering's tag if it has one.

    Raises :class:`RequestError` 431 when there is none.
    """
    networks = [wanted] if wanted else rx.all(records.PhysicalNetwork, zone=zone.id)
    guest = {row.physical_network for row in rx.all(records.TrafficType, physical_network=[n.id for n in networks], traffic_type="Guest")}
    fit = [n for n in networks if n.zone == zone.id and n.state == "Enabled" and n.id in guest and (not tags or n.tags == tags)]
    fit.sort(key=lambda n: rx.isolation(n) != "VXLAN")  # what hosts can carry goes first
    if not fit:
        what = f"Physical network {wanted.name}" if wanted else f"Zone {zone.name}"
        raise RequestError(
            f"{what} has no enabled physical network with guest traffic" + (f" and the tag {tags}" if tags else ""),
            remedy="see createPhysicalNetwork, addTrafficType and updatePhysicalNetwork state=Enabled",
        )
    return fit[0]

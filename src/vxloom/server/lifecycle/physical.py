"""Physical networks as clients write them, and the one a new network goes on."""

from __future__ import annotations

from typing import TypedDict

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments
from vxloom.store import ReadTransaction, records

TRAFFIC = {name.lower(): name for name in ("Guest", "Management", "Public", "Storage")}
LABELS = {
    "kvmnetworklabel": "kvm_label",
    "vmwarenetworklabel": "vmware_label",
    "xennetworklabel": "xen_label",
    "hypervnetworklabel": "hyperv_label",
    "ovm3networklabel": "ovm3_label",
}


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


def guest_network(
    rx: ReadTransaction, zone: records.Zone, tags: str | None, wanted: records.PhysicalNetwork | None
) -> records.PhysicalNetwork:
    """Return the physical network a new guest network goes on: enabled, with guest traffic, carrying the offering's tag if it has one.

    Raises :class:`RequestError` 431 when there is none.
    """
    networks = [wanted] if wanted else rx.all(records.PhysicalNetwork, zone=zone.id)
    guest = {row.physical_network for row in rx.all(records.TrafficType, physical_network=[n.id for n in networks], traffic_type="Guest")}
    fit = [n for n in networks if n.zone == zone.id and n.state == "Enabled" and n.id in guest and (not tags or n.tags == tags)]
    if not fit:
        what = f"Physical network {wanted.name}" if wanted else f"Zone {zone.name}"
        raise RequestError(
            f"{what} has no enabled physical network with guest traffic" + (f" and the tag {tags}" if tags else ""),
            remedy="see createPhysicalNetwork, addTrafficType and updatePhysicalNetwork state=Enabled",
        )
    return fit[0]

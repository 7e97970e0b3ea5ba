"""VNIs: those of the pools, taken or not, and the ranges kept for accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vxloom.errors import RequestError
from vxloom.server.command import fields
from vxloom.server.listing import select
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id, owners, stamp
from vxloom.store import ReadTransaction, records

GUEST_VLAN = fields("""
id string made of the physical network's id and the VNI; of a VNI that lies beside all ranges, the allocation's
vlan string the VNI
allocationstate string Free, Allocated, or Draining: given back, but a host may still believe in it
taken date when it was given
physicalnetworkid string its physical network's id
physicalnetworkname string its physical network's name
zoneid string its zone's id
zonename string its zone's name
isdedicated boolean whether it is kept for an account
account string the account that has it, or that it is kept for
domainid string that account's domain
domain string that domain's name
network list the networks that have it
""")

DEDICATED = fields("""
id string the dedication's id
guestvlanrange string the range: 5000-5100
physicalnetworkid string its physical network's id
zoneid string its zone's id
account string the account it is kept for
domainid string that account's domain
domain string that domain's name
""")

_DIGITS = 6
"""Hex digits of a VNI, which an id ends in."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One VNI of a zone; ``physical`` None: a host says that it holds it, and nobody knows whose it is."""

    zone: str
    physical: str | None
    vni: int


@dataclass(frozen=True, slots=True)
class Pool:
    """The VNIs of some zones: ranges, which are never written out, and what is allocated beside them."""

    ranges: tuple[records.VniRange, ...]
    beside: tuple[records.VniAllocation, ...]

    def __len__(self) -> int:
        """Return how many VNIs there are."""
        return sum(one.end - one.start + 1 for one in self.ranges) + len(self.beside)

    def part(self, offset: int, limit: int) -> list[Slot]:
        """Return the VNIs of a page."""
        found: list[Slot] = []
        for one in self.ranges:
            size = one.end - one.start + 1
            if offset < size and len(found) < limit:
                last = min(one.end, one.start + offset + limit - len(found) - 1)
                found += [Slot(one.zone, one.physical_network, vni) for vni in range(one.start + offset, last + 1)]
            offset = max(0, offset - size)
        rest = self.beside[offset : offset + limit - len(found)]
        return found + [Slot(row.zone, row.physical_network, row.vni) for row in rest]

    def only(self, vni: int) -> list[Slot]:
        """Return where a VNI is in the pool."""
        found = [Slot(one.zone, one.physical_network, vni) for one in self.ranges if one.start <= vni <= one.end]
        return found + [Slot(row.zone, row.physical_network, vni) for row in self.beside if row.vni == vni]


def pool_of(rx: ReadTransaction, zones: Iterable[str], physical: str | None) -> Pool:
    """Return the VNIs of some zones; ``physical``: only those of this physical network."""
    where: dict[str, object] = {"zone": sorted(zones)} | ({"physical_network": physical} if physical else {})
    ranges = sorted(select(rx, records.VniRange, where), key=lambda one: (one.zone, one.physical_network, one.start))
    beside = [row for zone in sorted(zones) for row in rx.vnis_beside_ranges(zone) if physical in {None, row.physical_network}]
    return Pool(tuple(ranges), tuple(beside))


def slots_of_id(rx: ReadTransaction, given: str) -> list[Slot]:
    """Return the VNI an id of :func:`guest_vlan_views` stands for; raises 431 when it stands for none."""
    for physical in rx.all(records.PhysicalNetwork):
        if given.startswith(physical.id[:-_DIGITS]):
            found = pool_of(rx, [physical.zone], physical.id).only(int(given[-_DIGITS:], 16))
            if found:
                return found
    row = rx.get(records.VniAllocation, given)
    if row is None:
        raise RequestError(f"Invalid parameter id value={given}: there is no such VNI, or entity does not exist")
    return [Slot(row.zone, row.physical_network, row.vni)]


def guest_vlan_views(rx: ReadTransaction, slots: Sequence[Slot]) -> list[Fields]:
    """Return VNIs as clients see them; at most a page of them."""
    zones = by_id(rx, records.Zone, (slot.zone for slot in slots))
    physical = by_id(rx, records.PhysicalNetwork, (slot.physical for slot in slots))
    rows = rx.all(records.VniAllocation, zone=list(zones), vni=sorted({slot.vni for slot in slots})) if slots else []
    taken = {(row.zone, row.vni): row for row in rows}
    networks = by_id(rx, records.Network, (row.network for row in rows))
    dedicated = rx.all(records.DedicatedRange, physical_network=list(physical)) if physical else []
    whose = owners(rx, [row.account for row in rows if row.account] + [one.account for one in dedicated])
    views: list[Fields] = []
    for slot in slots:
        row = taken.get((slot.zone, slot.vni))
        kept = next((one for one in dedicated if one.physical_network == slot.physical and one.start <= slot.vni <= one.end), None)
        network = networks.get(row.network or "") if row else None
        place = physical.get(slot.physical or "")
        views.append(
            {
                "id": _id(slot, row),
                "vlan": str(slot.vni),
                "allocationstate": _state(row),
                "taken": stamp(row.taken) if row else None,
                "physicalnetworkid": slot.physical,
                "physicalnetworkname": place.name if place else None,
                "zoneid": slot.zone,
                "zonename": zones[slot.zone].name,
                "isdedicated": kept is not None,
                **whose.get((row.account if row else None) or (kept.account if kept else ""), {}),
                "network": [{"id": network.id, "name": network.name}] if network else [],
            }
        )
    return views


def _id(slot: Slot, row: records.VniAllocation | None) -> str:
    if slot.physical is None and row is not None:
        return row.id
    return f"{(slot.physical or '')[:-_DIGITS]}{slot.vni:0{_DIGITS}x}"


def _state(row: records.VniAllocation | None) -> str:
    if row is None:
        return "Free"
    return "Allocated" if row.state is records.AllocationState.USED else "Draining"


def dedicated_views(rx: ReadTransaction, ranges: Sequence[records.DedicatedRange]) -> list[Fields]:
    """Return ranges kept for accounts."""
    whose = owners(rx, (one.account for one in ranges))
    return [
        {
            "id": one.id,
            "guestvlanrange": f"{one.start}-{one.end}",
            "physicalnetworkid": one.physical_network,
            "zoneid": one.zone,
            **whose.get(one.account, {}),
        }
        for one in ranges
    ]

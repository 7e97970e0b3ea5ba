"""listGuestVlans."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import listed, same, select, window
from vxloom.server.parameters import PAGE, PAGE_SIZE, Arguments, Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.vnis import GUEST_VLAN, Pool, Slot, guest_vlan_views, pool_of, slots_of_id
from vxloom.store import ReadTransaction, records

_WHOLE = 10_000
"""Most VNIs in one answer."""


class ListGuestVlans(Command):
    """Lists the VNIs of the pools, free ones too; with ``allocatedonly=true`` those that networks have.

    A pool of 16 million is counted, never written out: give ``page`` and ``pagesize``. VNIs that were given back stay Draining until
    every host that may believe in them has said that they are gone.
    """

    name = "listGuestVlans"
    parameters = (
        Parameter("id", Kind.UUID, "only this VNI"),
        Parameter("vnet", Kind.STRING, "only this VNI"),
        Parameter("zoneid", Kind.UUID, "only VNIs of this zone", related="listZones"),
        Parameter("physicalnetworkid", Kind.UUID, "only VNIs of this physical network", related="listPhysicalNetworks"),
        Parameter("allocatedonly", Kind.BOOLEAN, "only those that networks have"),
        PAGE,
        PAGE_SIZE,
    )
    answer = GUEST_VLAN
    example = "listGuestVlans zoneid=ID allocatedonly=true"

    def run(self, call: Call) -> Fields:
        """Return a page of VNIs; raises 431 for the whole of a pool that is too large."""
        given = call.arguments
        with call.read() as rx:
            for name, kind in (("zoneid", records.Zone), ("physicalnetworkid", records.PhysicalNetwork)):
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            vnet, identity = _number(given), given.filled("id")
            if given.flag("allocatedonly"):
                return _allocated(rx, given, vnet, slots_of_id(rx, identity) if identity else None)
            if identity:
                slots = slots_of_id(rx, identity)
            else:
                zones = [zone.id for zone in select(rx, records.Zone, same(given, zoneid="id"))]
                pool = pool_of(rx, zones, given.filled("physicalnetworkid"))
                if vnet is None:
                    return _page(rx, given, pool)
                slots = pool.only(vnet)
            part = window(given, rx.setting_int("default.page.size"))
            end = len(slots) if part.limit is None else part.offset + part.limit
            return many("guestvlan", guest_vlan_views(rx, slots[part.offset : end]), len(slots))


def _number(given: Arguments) -> int | None:
    text = given.filled("vnet")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise RequestError(f"Invalid vnet {text[:80]}", remedy="give a number")
    return None if text is None else int(text)


def _allocated(rx: ReadTransaction, given: Arguments, vnet: int | None, only: list[Slot] | None) -> Fields:
    """Return a page of what networks have; ``only``: nothing but these, which are one VNI."""
    where = same(given, zoneid="zone", physicalnetworkid="physical_network") | {"state": records.AllocationState.USED}
    where |= {} if vnet is None else {"vni": vnet}
    for slot in only or ():
        exact = {"zone": slot.zone, "physical_network": slot.physical, "vni": slot.vni}
        if any(where.get(column, value) != value for column, value in exact.items()):
            return many("guestvlan", [], 0)
        where |= {column: value for column, value in exact.items() if value is not None}
    return listed(rx, given, records.VniAllocation, "guestvlan", lambda rows: guest_vlan_views(rx, _slots(rows)), where, order="vni")


def _slots(rows: Sequence[records.VniAllocation]) -> list[Slot]:
    return [Slot(row.zone, row.physical_network, row.vni) for row in rows]


def _page(rx: ReadTransaction, given: Arguments, pool: Pool) -> Fields:
    part = window(given, rx.setting_int("default.page.size"))
    if part.limit is None and len(pool) > _WHOLE:
        raise RequestError(f"There are {len(pool)} VNIs: too many for one answer", remedy="give page and pagesize, or allocatedonly=true")
    return many("guestvlan", guest_vlan_views(rx, pool.part(part.offset, part.limit or _WHOLE)), len(pool))

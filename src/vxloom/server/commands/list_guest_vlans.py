"""listGuestVlans."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.physical import GUEST_VLAN, guest_vlan_views
from vxloom.store import records


class ListGuestVlans(Command):
    """Lists the VNIs that are taken, or given back and not yet free because a host may still believe in them.

    The real server lists every VNI of the pool, free ones too; a pool of 16 million is not listed.
    """

    name = "listGuestVlans"
    parameters = (
        Parameter("id", Kind.UUID, "only this allocation"),
        Parameter("vnet", Kind.STRING, "only this VNI"),
        Parameter("zoneid", Kind.UUID, "only VNIs of this zone", related="listZones"),
        Parameter("physicalnetworkid", Kind.UUID, "only VNIs of this physical network", related="listPhysicalNetworks"),
        Parameter("allocatedonly", Kind.BOOLEAN, "leave out those given back"),
        *LISTING,
    )
    answer = GUEST_VLAN
    example = "listGuestVlans zoneid=ID allocatedonly=true"

    def run(self, call: Call) -> Fields:
        """Return a page of VNIs."""
        given = call.arguments
        where = same(given, id="id", zoneid="zone", physicalnetworkid="physical_network")
        if vnet := given.filled("vnet"):
            if not (vnet.isascii() and vnet.isdigit() and len(vnet) <= 10):
                raise RequestError(f"Invalid vnet {vnet[:80]}", remedy="give a number")
            where["vni"] = int(vnet)
        if given.flag("allocatedonly"):
            where["state"] = records.AllocationState.USED
        with call.read() as rx:
            for name, kind in (("zoneid", records.Zone), ("physicalnetworkid", records.PhysicalNetwork)):
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            return listed(rx, given, records.VniAllocation, "guestvlan", lambda rows: guest_vlan_views(rx, rows), where, order="vni")

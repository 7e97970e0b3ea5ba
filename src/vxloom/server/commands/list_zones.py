"""listZones."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.zones import ZONE, zone_views
from vxloom.store import records


class ListZones(Command):
    """Lists zones."""

    name = "listZones"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this zone", related="listZones"),
        Parameter("ids", Kind.LIST, "only these zones", length=40000),
        Parameter("name", Kind.STRING, "only the zone of this name"),
        Parameter("networktype", Kind.STRING, "only zones of this type"),
        Parameter("available", Kind.BOOLEAN, "false: only zones the caller's account has machines in"),
        *LISTING,
    )
    answer = ZONE
    example = "listZones name=lab"

    def run(self, call: Call) -> Fields:
        """Return a page of zones."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("id"):
                owners.fetch(rx, records.Zone, wanted)
            where = alike(given, name="name", networktype="network_type") | keyword(given, "name")
            chosen = [{wanted}] if wanted else []
            if ids := given.items("ids"):
                chosen.append(set(ids))
            if given.choice("available") is False:
                chosen.append({vm.zone for vm in rx.all(records.Vm, account=call.caller.account.id)})
            if chosen:
                where["id"] = sorted(set.intersection(*chosen))
            return listed(rx, given, records.Zone, "zone", lambda zones: zone_views(rx, zones, root=call.caller.root), where)

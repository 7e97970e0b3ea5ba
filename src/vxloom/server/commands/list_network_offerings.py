"""listNetworkOfferings."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import offerings
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter, unknown_id
from vxloom.server.responses import Fields
from vxloom.server.views.offerings import NETWORK_OFFERING, network_offering_views
from vxloom.store import records

_FLAGS = {
    "isdefault": "is_default",
    "specifyvlan": "specify_vlan",
    "specifyipranges": "specify_ip_ranges",
    "ispersistent": "is_persistent",
    "forvpc": "for_vpc",
}


class ListNetworkOfferings(Command):
    """Lists network offerings."""

    name = "listNetworkOfferings"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this offering", related="listNetworkOfferings"),
        Parameter("name", Kind.STRING, "only the offering of this name"),
        Parameter("displaytext", Kind.STRING, "only offerings of this text"),
        Parameter("guestiptype", Kind.STRING, "L2, Isolated or Shared"),
        Parameter("traffictype", Kind.STRING, "Guest"),
        Parameter("state", Kind.STRING, "Enabled or Disabled"),
        Parameter("availability", Kind.STRING, "Optional, Required or Unavailable"),
        Parameter("tags", Kind.STRING, "only offerings with this tag"),
        *(Parameter(name, Kind.BOOLEAN, "only offerings of which this is so") for name in _FLAGS),
        Parameter("zoneid", Kind.UUID, "only offerings for this zone", related="listZones"),
        Parameter("domainid", Kind.UUID, "only offerings for this domain", related="listDomains"),
        *LISTING,
    )
    answer = NETWORK_OFFERING
    example = "listNetworkOfferings guestiptype=Isolated state=Enabled"

    def run(self, call: Call) -> Fields:
        """Return a page of offerings."""
        given = call.arguments
        with call.read() as rx:
            for name, kind in (("id", records.NetworkOffering), ("zoneid", records.Zone)):
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            out = offerings.hidden(call, rx)
            if given.filled("id") in out:
                raise unknown_id("id", given.need("id"))
            where = same(given, id="id", tags="tags") | keyword(given, "name", "display_text")
            where |= alike(given, name="name", displaytext="display_text", guestiptype="guest_type", traffictype="traffic_type")
            where |= alike(given, state="state", availability="availability")
            where |= {column: flag for name, column in _FLAGS.items() if (flag := given.choice(name)) is not None}
            if out and not given.filled("id"):
                where["id"] = [row.id for row in rx.all(records.NetworkOffering) if row.id not in set(out)]
            return listed(rx, given, records.NetworkOffering, "networkoffering", lambda rows: network_offering_views(rx, rows), where)

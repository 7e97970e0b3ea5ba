"""listNetworkOfferings."""

from __future__ import annotations

from collections.abc import Callable

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import designing, offerings, services
from vxloom.server.listing import alike, keyword, listed, same, select
from vxloom.server.parameters import LISTING, Kind, Parameter, unknown_id
from vxloom.server.responses import Fields
from vxloom.server.views.offerings import NETWORK_OFFERING, network_offering_views
from vxloom.store import ReadTransaction, records

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
        Parameter("istagged", Kind.BOOLEAN, "only offerings with tags, or without"),
        Parameter("supportedservices", Kind.LIST, "only offerings that name all of these services"),
        Parameter("networkid", Kind.UUID, "only those this network could be changed to", related="listNetworks"),
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
            if given.filled("id") in offerings.hidden(call, rx):
                raise unknown_id("id", given.need("id"))
            where = same(given, id="id", tags="tags") | keyword(given, "name", "display_text")
            where |= alike(given, name="name", displaytext="display_text", guestiptype="guest_type", traffictype="traffic_type")
            where |= alike(given, state="state", availability="availability")
            where |= {column: flag for name, column in _FLAGS.items() if (flag := given.choice(name)) is not None}
            if fits := _filters(call, rx):
                where["id"] = [row.id for row in select(rx, records.NetworkOffering, where) if all(fit(row) for fit in fits)]
            return listed(rx, given, records.NetworkOffering, "networkoffering", lambda rows: network_offering_views(rx, rows), where)


def _filters(call: Call, rx: ReadTransaction) -> list[Callable[[records.NetworkOffering], bool]]:
    """Return what an offering must be, besides what its columns say; there are few, so each is looked at."""
    given, found = call.arguments, list[Callable[[records.NetworkOffering], bool]]()
    if out := set(offerings.hidden(call, rx)):
        found.append(lambda row: row.id not in out)
    if (tagged := given.choice("istagged")) is not None:
        found.append(lambda row: bool(row.tags) == tagged)
    if asked := {services.service(text) for text in given.items("supportedservices")}:
        found.append(lambda row: asked <= set(row.services))
    if wanted := given.filled("networkid"):
        network = owners.fetch_owned(call, rx, records.Network, wanted, "networkid")
        found.append(lambda row: row.state == "Enabled" and row.id != network.offering and not designing.unlike(rx, network, row))
    return found

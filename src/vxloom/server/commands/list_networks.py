"""listNetworks."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import access, services
from vxloom.server.listing import Where, alike, keyword, listed, same, tagged
from vxloom.server.parameters import LISTING, OWNED, TAGS, Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.networks import NETWORK, network_views
from vxloom.store import ReadTransaction, records


class ListNetworks(Command):
    """Lists networks. Where a network's VNI is shown (``vlan``, ``broadcasturi``) the caller is a root admin."""

    name = "listNetworks"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this network", related="listNetworks"),
        Parameter("name", Kind.STRING, "only networks of this name"),
        Parameter("zoneid", Kind.UUID, "only networks of this zone", related="listZones"),
        Parameter("physicalnetworkid", Kind.UUID, "only networks on this physical network", related="listPhysicalNetworks"),
        Parameter("networkofferingid", Kind.UUID, "only networks of this offering", related="listNetworkOfferings"),
        Parameter("type", Kind.STRING, "L2, Isolated or Shared"),
        Parameter("traffictype", Kind.STRING, "Guest"),
        Parameter("state", Kind.STRING, "Allocated, Implemented, …"),
        Parameter("acltype", Kind.STRING, "Account or Domain"),
        Parameter("vlan", Kind.STRING, "only the network of this VNI; for root admins, others find nothing"),
        Parameter("networkfilter", Kind.STRING, "all (the default), account, domain or accountdomain; shared: there are none"),
        Parameter("restartrequired", Kind.BOOLEAN, "only networks of which this is so"),
        Parameter("displaynetwork", Kind.BOOLEAN, "only networks of which this is so; others than root admins see none of which it is not"),
        Parameter("specifyipranges", Kind.BOOLEAN, "only networks of whose offering this is so"),
        Parameter("supportedservices", Kind.LIST, "only networks that have all of these services"),
        TAGS,
        *OWNED,
        *LISTING,
    )
    answer = NETWORK
    example = "listNetworks listall=true"

    def run(self, call: Call) -> Fields:
        """Return a page of networks."""
        given = call.arguments
        with call.read() as rx:
            where = _where(call, rx)
            if where is None:
                return many("network", [])
            return listed(rx, given, records.Network, "network", lambda rows: network_views(rx, rows, root=call.caller.root), where)


def _where(call: Call, rx: ReadTransaction) -> Where | None:
    """Return the conditions of all filters; None: nothing can fit."""
    given = call.arguments
    for name, kind in (("zoneid", records.Zone), ("physicalnetworkid", records.PhysicalNetwork)):
        if wanted := given.filled(name):
            owners.fetch(rx, kind, wanted, name)
    where = access.visible(call, rx) | keyword(given, "name", "display_text") | tagged(given)
    if wanted := given.filled("id"):
        where["id"] = access.fetch(call, rx, wanted, "id").id
    chosen = access.filtered(call)
    offerings = _offerings(call, rx)
    unseen = not call.caller.root and (given.filled("vlan") or given.choice("displaynetwork") is False)
    if chosen is None or unseen:
        return None
    where |= chosen | same(given, zoneid="zone", physicalnetworkid="physical_network") | offerings
    where |= alike(given, name="name", type="guest_type", traffictype="traffic_type", state="state", acltype="acl_type")
    if (due := given.choice("restartrequired")) is not None:
        where["restart_required"] = due
    shown = given.choice("displaynetwork") if call.caller.root else True
    if shown is not None:
        where["display_network"] = shown
    if vlan := given.filled("vlan"):
        number = vlan.rpartition("/")[2]
        where["vni"] = int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else -1
    return where


def _offerings(call: Call, rx: ReadTransaction) -> Where:
    """Return the condition of the filters that ask for something of the offering."""
    given = call.arguments
    wanted, ranges = given.filled("networkofferingid"), given.choice("specifyipranges")
    asked = {services.service(text) for text in given.items("supportedservices")}
    if wanted:
        owners.fetch(rx, records.NetworkOffering, wanted, "networkofferingid")
    if ranges is None and not asked:
        return same(given, networkofferingid="offering")
    fit = [
        one.id
        for one in rx.all(records.NetworkOffering)
        if ranges in {None, one.specify_ip_ranges} and asked <= set(services.delivered(one.services)) and wanted in {None, one.id}
    ]
    return {"offering": fit}

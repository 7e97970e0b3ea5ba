"""listNetworks."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same, tagged
from vxloom.server.parameters import LISTING, OWNED, TAGS, Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.networks import NETWORK, network_views
from vxloom.store import records


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
        Parameter("vlan", Kind.STRING, "only the network of this VNI; for root admins"),
        Parameter("vpcid", Kind.STRING, "networks of a VPC: there are none"),
        TAGS,
        *OWNED,
        *LISTING,
    )
    answer = NETWORK
    example = "listNetworks listall=true"

    def run(self, call: Call) -> Fields:
        """Return a page of networks."""
        given = call.arguments
        kinds = {"zoneid": records.Zone, "physicalnetworkid": records.PhysicalNetwork, "networkofferingid": records.NetworkOffering}
        with call.read() as rx:
            accounts = owners.visible(call, rx)
            if wanted := given.filled("id"):
                owners.fetch_owned(call, rx, records.Network, wanted)
            for name, kind in kinds.items():
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            where = same(given, id="id", zoneid="zone", physicalnetworkid="physical_network", networkofferingid="offering")
            where |= alike(given, name="name", type="guest_type", traffictype="traffic_type", state="state", acltype="acl_type")
            where |= keyword(given, "name", "display_text") | tagged(given)
            if accounts is not None:
                where["account"] = accounts
            if (vlan := given.filled("vlan")) and call.caller.root:
                number = vlan.rpartition("/")[2]
                where["vni"] = int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else -1
            if given.filled("vpcid"):
                return many("network", [])
            return listed(rx, given, records.Network, "network", lambda rows: network_views(rx, rows, root=call.caller.root), where)

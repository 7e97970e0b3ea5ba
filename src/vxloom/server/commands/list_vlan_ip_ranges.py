"""listVlanIpRanges."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import access
from vxloom.server.listing import keyword, listed, same, select
from vxloom.server.parameters import LISTING, OWNER, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.ranges import RANGE, range_views
from vxloom.store import records


class ListVlanIpRanges(Command):
    """Lists the ranges of addresses of Shared networks."""

    name = "listVlanIpRanges"
    parameters = (
        Parameter("id", Kind.UUID, "only this range", related="listVlanIpRanges"),
        Parameter("networkid", Kind.UUID, "only ranges of this network", related="listNetworks"),
        Parameter("zoneid", Kind.UUID, "only ranges of this zone", related="listZones"),
        Parameter("physicalnetworkid", Kind.UUID, "only ranges of this physical network", related="listPhysicalNetworks"),
        Parameter("podid", Kind.UUID, "ranges are not of a pod: nothing is listed", related="listPods"),
        Parameter("vlan", Kind.STRING, "only ranges of the network of this VNI"),
        Parameter("forvirtualnetwork", Kind.BOOLEAN, "public addresses: there are none"),
        *OWNER,
        *LISTING,
    )
    answer = RANGE
    example = "listVlanIpRanges networkid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of ranges."""
        given = call.arguments
        kinds = {
            "id": records.IpRange,
            "networkid": records.Network,
            "zoneid": records.Zone,
            "physicalnetworkid": records.PhysicalNetwork,
            "podid": records.Pod,
        }
        with call.read() as rx:
            for name, kind in kinds.items():
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            where = same(given, id="id", networkid="network", zoneid="zone", physicalnetworkid="physical_network", podid="pod")
            where |= keyword(given, "start_ip", "end_ip")
            if (public := given.choice("forvirtualnetwork")) is not None:
                where["for_virtual_network"] = public
            chosen: dict[str, object] = {}
            if vlan := given.filled("vlan"):
                number = vlan.rpartition("/")[2]
                chosen["vni"] = int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else -1
            if given.filled("account") or given.filled("domainid") or given.filled("projectid"):
                chosen |= access.visible(call, rx)
            if chosen:
                networks = {row.id for row in select(rx, records.Network, chosen)}
                where["network"] = sorted(networks & {str(where.get("network"))} if "network" in where else networks)
            return listed(rx, given, records.IpRange, "vlaniprange", lambda rows: range_views(rx, rows), where)

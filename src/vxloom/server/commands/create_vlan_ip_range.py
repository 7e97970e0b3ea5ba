"""createVlanIpRange."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import ranges
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.ranges import RANGE, range_views
from vxloom.store import records


class CreateVlanIpRange(Command):
    """Adds a range of IPv4 addresses to a Shared network, in its prefix or in another with a gateway of its own.

    There are no public addresses: a range without ``networkid`` is refused.
    """

    name = "createVlanIpRange"
    parameters = (
        Parameter("networkid", Kind.UUID, "the Shared network", related="listNetworks"),
        Parameter("startip", Kind.STRING, "first address", required=True),
        Parameter("endip", Kind.STRING, "last address; default: startip"),
        Parameter("gateway", Kind.STRING, "gateway of its prefix; default: the network's"),
        Parameter("netmask", Kind.STRING, "mask of its prefix; default: the network's"),
        Parameter("vlan", Kind.STRING, "the network's VNI, if anything"),
        Parameter("zoneid", Kind.UUID, "the network's zone, if anything", related="listZones"),
        Parameter("physicalnetworkid", Kind.UUID, "the network's physical network, if anything", related="listPhysicalNetworks"),
    )
    answer = RANGE
    example = "createVlanIpRange networkid=ID startip=10.3.0.10 endip=10.3.0.99 gateway=10.3.0.1 netmask=255.255.255.0"

    def run(self, call: Call) -> Fields:
        """Return the range; raises 431 where it overlaps another of the network."""
        with call.write() as tx:
            network = ranges.network_of(tx, call.arguments)
            span = ranges.checked(tx, network, call.arguments)
            row = tx.add(records.IpRange(zone=network.zone, network=network.id, physical_network=network.physical_network, **span))
            text = f"Added addresses {row.start_ip} to {row.end_ip} to network {network.name}"
            call.event(tx, "VLAN.IP.RANGE.CREATE", text, "VlanIpRange", row.id)
            return one("vlan", range_views(tx, [row])[0])

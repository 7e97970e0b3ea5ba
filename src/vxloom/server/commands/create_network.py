"""createNetwork."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import designing
from vxloom.server.parameters import CUSTOM_ID, OWNER, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.networks import NETWORK, network_views


class CreateNetwork(Command):
    """Makes a network. It has no VNI until its first machine starts, unless it is Shared, its offering persistent, or the VNI stated.

    An Isolated network without ``gateway`` and ``netmask`` gets the zone's guest prefix. Two networks may have the same prefixes. The
    gateway's addresses are kept free; there is no router behind them yet.

    A Shared network is many accounts': everybody's, a domain's (``domainid``), or with ``acltype=Account`` one account's. It gives the
    addresses from ``startip`` to ``endip``, without those all of its prefix; createVlanIpRange adds more.

    ``vlan`` is a number, VXLAN where the physical network is; ``vxlan://5001`` says so. ``vlan://`` is refused: hosts carry VXLAN only.
    A network has the services that are delivered; an alert (``network.services``) names what else its offering names.
    """

    name = "createNetwork"
    for_users = True
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("networkofferingid", Kind.UUID, "its offering", required=True, related="listNetworkOfferings"),
        Parameter("zoneid", Kind.UUID, "its zone", required=True, related="listZones"),
        Parameter("displaytext", Kind.STRING, "what people read; default: its name"),
        Parameter("gateway", Kind.STRING, "IPv4 gateway: 10.1.1.1"),
        Parameter("netmask", Kind.STRING, "IPv4 mask: 255.255.255.0"),
        Parameter("startip", Kind.STRING, "first address given to guests"),
        Parameter("endip", Kind.STRING, "last address given to guests; default: startip"),
        Parameter("ip6cidr", Kind.STRING, "IPv6 prefix: fd00:1::/64"),
        Parameter("ip6gateway", Kind.STRING, "IPv6 gateway; default: the prefix's first address"),
        Parameter("startipv6", Kind.STRING, "first IPv6 address given to guests"),
        Parameter("endipv6", Kind.STRING, "last IPv6 address given to guests"),
        Parameter("vlan", Kind.STRING, "the VNI: 5001 or vxlan://5001; only where the offering's specifyvlan is true, for root admins"),
        Parameter("physicalnetworkid", Kind.UUID, "the physical network; default: the first that fits", related="listPhysicalNetworks"),
        Parameter("networkdomain", Kind.STRING, "network domain of guests"),
        Parameter("acltype", Kind.STRING, "Account, or for Shared networks Domain"),
        Parameter("subdomainaccess", Kind.BOOLEAN, "whether sub-domains may use it; default: the setting allow.subdomain.network.access"),
        Parameter("displaynetwork", Kind.BOOLEAN, "whether users see it; for root admins"),
        *(Parameter(name, Kind.STRING, "DNS server of guests; default: the zone's") for name in ("dns1", "dns2", "ip6dns1", "ip6dns2")),
        CUSTOM_ID,
        *OWNER,
    )
    answer = NETWORK
    example = "createNetwork name=web networkofferingid=ID zoneid=ID gateway=10.1.1.1 netmask=255.255.255.0 ip6cidr=fd00:1::/64"

    def run(self, call: Call) -> Fields:
        """Return the network."""
        with call.write() as tx:
            network = designing.make(call, tx)
            return one("network", network_views(tx, [network], root=call.caller.root)[0])

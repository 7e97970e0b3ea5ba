"""createNetwork."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import addressing, networks, physical
from vxloom.server.parameters import CUSTOM_ID, OWNER, Arguments, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.networks import NETWORK, network_views
from vxloom.store import ReadTransaction, Transaction, records


class CreateNetwork(Command):
    """Makes a network. It has no VNI until its first machine starts, unless its offering is persistent or the VNI is stated.

    An Isolated network without ``gateway`` and ``netmask`` gets the zone's guest prefix. Two networks may have the same prefixes. The
    gateway's addresses are kept free; there is no router behind them yet.
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
        Parameter("acltype", Kind.STRING, "Account"),
        CUSTOM_ID,
        *OWNER,
    )
    answer = NETWORK
    example = "createNetwork name=web networkofferingid=ID zoneid=ID gateway=10.1.1.1 netmask=255.255.255.0 ip6cidr=fd00:1::/64"

    def run(self, call: Call) -> Fields:
        """Return the network."""
        given = call.arguments
        if (given.filled("acltype") or "account").lower() != "account":
            raise RequestError(f"Invalid acltype {given.filled('acltype')}", remedy="give Account")
        with call.write() as tx:
            account = owners.owner(call, tx)
            zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
            offering = owners.fetch(tx, records.NetworkOffering, given.need("networkofferingid"), "networkofferingid")
            _refuse(call, zone, offering)
            place = _place(tx, given, zone, offering)
            vni = addressing.stated_vni(given.filled("vlan"), allowed=offering.specify_vlan, isolation=place.isolation_method)
            if vni is not None and not call.caller.root:
                raise RequestError("Only root admins may state a VNI", code=531, cs_code=4365)
            network = tx.add(_row(call, account, zone, offering, place, stated=vni is not None))
            call.event(tx, "NETWORK.CREATE", f"Created network {network.name} for account {account.name}", "Network", network.id)
            network = _numbered(call, tx, network, vni)
            return one("network", network_views(tx, [network], root=call.caller.root)[0])


def _refuse(call: Call, zone: records.Zone, offering: records.NetworkOffering) -> None:
    if zone.allocation_state != "Enabled" and not call.caller.root:
        raise RequestError(f"Cannot perform this operation, Zone is currently disabled: {zone.name}", code=531, cs_code=4365)
    if zone.network_type != "Advanced":
        raise RequestError(f"Zone {zone.name} is {zone.network_type}: networks are for Advanced zones")
    if offering.state != "Enabled":
        raise RequestError(
            f"Can't use specified network offering {offering.name} as its state is not Enabled", remedy="see updateNetworkOffering"
        )
    if offering.guest_type == "Shared":
        raise RequestError("Networks of type Shared are not supported", remedy="use an offering of type L2 or Isolated")


def _place(rx: ReadTransaction, given: Arguments, zone: records.Zone, offering: records.NetworkOffering) -> records.PhysicalNetwork:
    wanted = given.filled("physicalnetworkid")
    stated = owners.fetch(rx, records.PhysicalNetwork, wanted, "physicalnetworkid") if wanted else None
    return physical.guest_network(rx, zone, offering.tags, stated)


def _row(
    call: Call,
    account: records.Account,
    zone: records.Zone,
    offering: records.NetworkOffering,
    place: records.PhysicalNetwork,
    *,
    stated: bool,
) -> records.Network:
    given = call.arguments
    if offering.guest_type == "L2":
        addressing.refuse_addresses(given)
        prefixes = addressing.Prefixes()
    else:
        prefixes = addressing.prefixes_of(given, zone.guest_cidr)
    name = given.need("name").strip()
    return records.Network(
        id=given.custom_id(root=call.caller.root) or records.new_id(),
        name=name,
        display_text=given.filled("displaytext") or name,
        zone=zone.id,
        physical_network=place.id,
        offering=offering.id,
        account=account.id,
        guest_type=offering.guest_type,
        specified_vlan=stated,
        cidr=prefixes.cidr,
        gateway=prefixes.gateway,
        netmask=prefixes.netmask,
        ip6_cidr=prefixes.ip6_cidr,
        ip6_gateway=prefixes.ip6_gateway,
        start_ip=prefixes.start_ip,
        end_ip=prefixes.end_ip,
        start_ip6=prefixes.start_ip6,
        end_ip6=prefixes.end_ip6,
        dns1=zone.dns1,
        dns2=zone.dns2,
        ip6_dns1=zone.ip6_dns1,
        ip6_dns2=zone.ip6_dns2,
        network_domain=given.filled("networkdomain") or zone.network_domain,
        is_persistent=offering.is_persistent,
    )


def _numbered(call: Call, tx: Transaction, network: records.Network, vni: int | None) -> records.Network:
    """Give the network its stated VNI now, so that nobody else gets it; a persistent network any."""
    if vni is not None:
        tx.take_vni(network.id, vni)
        network = owners.fetch(tx, records.Network, network.id)
    return networks.implement(call, tx, network) if network.is_persistent else network

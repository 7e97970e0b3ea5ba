"""A new network from what was asked for: whose it is, where it goes, which prefixes and VNI it gets. Checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.lifecycle import access, addressing, networks, offerings, physical, places
from vxloom.store import Fold, ReadTransaction, Transaction, records

SHARED = "Shared"


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose a network is, and who else may use it."""

    account: records.Account
    acl_type: str = "Account"
    domain: str | None = None
    """With ``acl_type`` Domain: whose accounts may use it; None: everybody's."""
    subdomain_access: bool = False


def reach_of(call: Call, rx: ReadTransaction, guest_type: str) -> Reach:
    """Return whom a new network is for. Raises :class:`RequestError` 431, or 531 for users that want one for a domain.

    Only Shared networks may be a domain's. A root admin's Shared network is everybody's unless ``domainid``, or ``acltype`` Account, says.
    """
    given = call.arguments
    text = (given.filled("acltype") or ("domain" if _for_all(call, guest_type) else "account")).lower()
    if text == "account":
        return Reach(owners.owner(call, rx))
    if text != "domain":
        raise RequestError(f"Invalid acltype {text[:80]}", remedy="give Account or Domain")
    if guest_type != SHARED:
        raise RequestError(f"Only acltype Account is possible for {guest_type} networks", remedy="use an offering of type Shared")
    if given.filled("account") or owners.project_of(given):
        raise RequestError("A network of a domain belongs to no account or project", remedy="leave them out, or give acltype=Account")
    if not call.caller.root and not call.caller.domain_admin:
        raise RequestError("Only admins may make a network for a domain", code=531, cs_code=4365, remedy="give acltype=Account")
    wanted = given.filled("domainid") or (None if call.caller.root else call.caller.domain.id)
    domain = owners.fetch_domain(call, rx, wanted).id if wanted else None
    below = given.flag("subdomainaccess", default=rx.setting_bool("allow.subdomain.network.access"))
    return Reach(call.caller.account, access.DOMAIN, domain, below or domain is None)


def _for_all(call: Call, guest_type: str) -> bool:
    given = call.arguments
    return guest_type == SHARED and call.caller.root and not given.filled("account") and not owners.project_of(given)


def offering_of(call: Call, rx: ReadTransaction, zone: records.Zone) -> records.NetworkOffering:
    """Return the offering asked for; raises :class:`RequestError` 431 where it cannot be used here, 531 in a zone that is disabled."""
    if zone.allocation_state != "Enabled" and not call.caller.root:
        raise RequestError(f"Cannot perform this operation, Zone is currently disabled: {zone.name}", code=531, cs_code=4365)
    if zone.network_type != "Advanced":
        raise RequestError(f"Zone {zone.name} is {zone.network_type}: networks are for Advanced zones")
    offering = owners.fetch(rx, records.NetworkOffering, call.arguments.need("networkofferingid"), "networkofferingid")
    refuse_offering(call, rx, offering, zone.id)
    return offering


def refuse_offering(call: Call, rx: ReadTransaction, offering: records.NetworkOffering, zone: str) -> None:
    """Raise 431 for an offering that is disabled, or is for other zones or domains."""
    if offering.state != "Enabled":
        raise RequestError(
            f"Can't use specified network offering {offering.name} as its state is not Enabled", remedy="see updateNetworkOffering"
        )
    if offering.zones and zone not in offering.zones:
        raise RequestError(f"The network offering {offering.name} is not available in this zone", remedy="see listNetworkOfferings zoneid=")
    if not call.caller.root and not offerings.offers_to(rx, offering, call.caller.domain):
        raise RequestError(f"The network offering {offering.name} is not available to domain {call.caller.domain.path}")


def make(call: Call, tx: Transaction) -> records.Network:
    """Write a new network and return it; raises :class:`RequestError` 431, 531 or 533."""
    given = call.arguments
    zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
    offering = offering_of(call, tx, zone)
    reach = reach_of(call, tx, offering.guest_type)
    wanted = given.filled("physicalnetworkid")
    stated = owners.fetch(tx, records.PhysicalNetwork, wanted, "physicalnetworkid") if wanted else None
    place = physical.guest_network(tx, zone, offering.tags, stated)
    vni = addressing.stated_vni(given.filled("vlan"), allowed=offering.specify_vlan, isolation=tx.isolation(place))
    if vni is not None and not call.caller.root:
        raise RequestError("Only root admins may state a VNI", code=531, cs_code=4365)
    name = given.need("name").strip()
    if not tx.setting_bool("allow.duplicate.networkname"):
        _refuse_name(tx, name, zone, reach.account)
    prefixes = _prefixes(call, tx, zone, offering.guest_type)
    row = tx.add(_row(call, reach, zone, offering, place, prefixes, stated=vni is not None))
    text = f"Created network {row.name} for account {reach.account.name}"
    call.event(tx, "NETWORK.CREATE", text, "Network", row.id)
    networks.tell_undelivered(tx, row, offering)
    if vni is not None:
        tx.take_vni(row.id, vni)  # now, so that nobody else gets it
        row = owners.fetch(tx, records.Network, row.id)
    if offering.guest_type == SHARED:
        _add_range(tx, row, prefixes)
        return networks.set_up(call, tx, row)
    return networks.implement(call, tx, row) if row.is_persistent else row


def unlike(rx: ReadTransaction, network: records.Network, offering: records.NetworkOffering) -> list[str]:
    """Return why a network cannot change to an offering; empty: it can."""
    place = owners.fetch(rx, records.PhysicalNetwork, network.physical_network, "physicalnetworkid")
    reasons = {
        f"its guest type is {offering.guest_type}, not {network.guest_type}": offering.guest_type != network.guest_type,
        "one of the two has its VNI stated, the other has not": offering.specify_vlan != network.specified_vlan,
        f"it is for physical networks with the tag {offering.tags}": bool(offering.tags) and offering.tags != place.tags,
    }
    return [text for text, holds in reasons.items() if holds]


def change_offering(call: Call, tx: Transaction, network: records.Network, wanted: str) -> records.Network:
    """Give a network another offering: its alert about services follows, and where the new one is persistent it gets a VNI now.

    Raises :class:`RequestError` 431 for an offering of another kind: prefixes, VNI and physical network stay as they are.
    """
    offering = owners.fetch(tx, records.NetworkOffering, wanted, "networkofferingid")
    if offering.id == network.offering:
        return network
    refuse_offering(call, tx, offering, network.zone)
    if why := unlike(tx, network, offering):
        raise RequestError(
            f"Can't change network {network.name} to network offering {offering.name}: {'; '.join(why)}",
            remedy="choose one of the same kind, or make another network",
        )
    network = tx.update(records.Network, network.id, offering=offering.id, is_persistent=offering.is_persistent)
    networks.tell_undelivered(tx, network, offering)
    return networks.implement(call, tx, network) if network.is_persistent else network


def _refuse_name(rx: ReadTransaction, name: str, zone: records.Zone, account: records.Account) -> None:
    known = rx.one(records.Network, name=Fold(name), zone=zone.id, account=account.id)
    if known is not None:
        text = f"The network name {name} already exists in zone {zone.name} for account {account.name}"
        raise RequestError(text, remedy="choose another, or see allow.duplicate.networkname")


def _prefixes(call: Call, rx: ReadTransaction, zone: records.Zone, guest_type: str) -> addressing.Prefixes:
    if guest_type == "L2":
        addressing.refuse_addresses(call.arguments)
        return addressing.Prefixes()
    if guest_type == SHARED:
        return addressing.shared_prefixes(call.arguments, all_of_it=rx.setting_bool("allow.empty.start.end.ipaddress"))
    return addressing.prefixes_of(call.arguments, zone.guest_cidr)


def _add_range(tx: Transaction, network: records.Network, prefixes: addressing.Prefixes) -> None:
    """Note which IPv4 addresses a shared network gives: its first range; createVlanIpRange adds others."""
    if prefixes.cidr is not None:
        tx.add(
            records.IpRange(
                zone=network.zone,
                network=network.id,
                physical_network=network.physical_network,
                start_ip=prefixes.start_ip,
                end_ip=prefixes.end_ip,
                netmask=prefixes.netmask,
                gateway=prefixes.gateway,
            )
        )


def _row(
    call: Call,
    reach: Reach,
    zone: records.Zone,
    offering: records.NetworkOffering,
    place: records.PhysicalNetwork,
    prefixes: addressing.Prefixes,
    *,
    stated: bool,
) -> records.Network:
    given, shared = call.arguments, offering.guest_type == SHARED
    name = given.need("name").strip()
    return records.Network(
        id=given.custom_id(root=call.caller.root) or records.new_id(),
        name=name,
        display_text=given.filled("displaytext") or name,
        zone=zone.id,
        physical_network=place.id,
        offering=offering.id,
        account=reach.account.id,
        guest_type=offering.guest_type,
        specified_vlan=stated,
        cidr=prefixes.cidr,
        gateway=prefixes.gateway,
        netmask=prefixes.netmask,
        ip6_cidr=prefixes.ip6_cidr,
        ip6_gateway=prefixes.ip6_gateway,
        start_ip=None if shared else prefixes.start_ip,
        end_ip=None if shared else prefixes.end_ip,
        start_ip6=prefixes.start_ip6,
        end_ip6=prefixes.end_ip6,
        dns1=places.server(given, "dns1") or zone.dns1,
        dns2=places.server(given, "dns2") or zone.dns2,
        ip6_dns1=places.server(given, "ip6dns1") or zone.ip6_dns1,
        ip6_dns2=places.server(given, "ip6dns2") or zone.ip6_dns2,
        network_domain=given.filled("networkdomain") or zone.network_domain,
        acl_type=reach.acl_type,
        domain=reach.domain,
        subdomain_access=reach.subdomain_access,
        display_network=given.flag("displaynetwork", default=True) or not call.caller.root,
        is_persistent=offering.is_persistent,
    )

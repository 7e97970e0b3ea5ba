"""MAC and IP allocations of NICs: unique in the zone, resp. in the network, and not given again while a host may believe in them."""

from __future__ import annotations

import ipaddress
import secrets

import sqlalchemy as sa

from vxloom.errors import IntentError, RequestError
from vxloom.model.addresses import IpAddress, format_mac, parse_ip, parse_mac
from vxloom.store import gaps
from vxloom.store import records as r
from vxloom.store.gaps import Interval
from vxloom.store.prefixes import IpNetwork, subnet_of, subnets_of
from vxloom.store.schema import TABLES
from vxloom.store.vnis import VniTransaction
from vxloom.store.writing import PENDING

MAC_PREFIX = 0x1E << 40
"""Locally administered, unicast (RFC 7042 section 2.1), as CloudStack's newer ones begin."""
_BIGGEST_OFFSET = 2**63 - 1
_EUI64_PREFIX = 64


def interface_id(mac: int) -> int:
    """Return the modified EUI-64 interface identifier of a MAC (RFC 4291 appendix A)."""
    return ((mac >> 24 ^ 0x02_0000) << 40) | (0xFFFE << 24) | (mac & 0xFF_FFFF)


class AddressTransaction(VniTransaction):
    """MACs and IPs of NICs."""

    def take_mac(self, nic_id: str, zone_id: str, mac: str | None = None) -> str:
        """Reserve a MAC for a NIC that is about to be added, a random one or the stated one, and return it.

        Raises :class:`RequestError` 431 when the stated one is malformed or in use in the zone.
        """
        if mac is not None:
            try:
                text = format_mac(parse_mac(mac))
            except IntentError as error:
                raise RequestError(error.message, remedy=error.remedy) from error
            if not self.add_if_free(r.MacAllocation(zone=zone_id, mac=text, nic=nic_id)):
                raise RequestError(f"MAC address {text} is in use in this zone, or hosts have not yet forgotten it", cs_code=4375)
            return text
        while True:  # 2^40 of them: a second turn is rare, a third was never seen
            text = format_mac(MAC_PREFIX | secrets.randbits(40))
            if self.add_if_free(r.MacAllocation(zone=zone_id, mac=text, nic=nic_id)):
                return text

    def take_ip(self, network_id: str, nic_id: str, *, address: str | None = None, family: int = 4, mac: str | None = None) -> str:
        """Reserve an IP of a network for a NIC, the next free one or the stated one, and return it as canonical text.

        The caller adds the :class:`~vxloom.store.records.NicIp`. ``family`` 6 with a ``mac``: the address made of it (EUI-64).
        Raises :class:`RequestError` 431 (malformed, outside the network, reserved, in use), 533 (none left).
        """
        network = self.get(r.Network, network_id)
        if network is None:
            raise LookupError(f"no network {network_id}")
        stated = self._stated_ip(network, address) if address is not None else None
        family = stated.version if stated is not None else family
        prefix = _prefix(network, family)
        if prefix is None:
            raise RequestError(f"network {network.name} has no IPv{family} addresses", remedy="leave the address out")
        if stated is not None:
            if not self._take(network, nic_id, prefix, stated):
                raise RequestError(
                    f"IP address {stated} is in use in network {network.name}, or hosts have not yet forgotten it", cs_code=4375
                )
            return str(stated)
        if family == 6 and mac is not None and prefix.prefixlen <= _EUI64_PREFIX:
            made = prefix.network_address + interface_id(parse_mac(mac))
            if self._take(network, nic_id, prefix, made):
                return str(made)
        return self._next_ip(network, nic_id, prefix)

    def _stated_ip(self, network: r.Network, text: str) -> IpAddress:
        try:
            stated = parse_ip(text)
        except IntentError as error:
            raise RequestError(error.message, remedy=error.remedy) from error
        subnets = subnets_of(network, self.all(r.IpRange, network=network.id))
        subnet = subnet_of(subnets, str(stated))
        if subnet is None:
            known = [str(one.prefix) for one in subnets if one.prefix.version == stated.version]
            where = ", ".join(known) or f"no IPv{stated.version} prefix"
            raise RequestError(f"IP address {stated} is outside network {network.name} ({where})")
        ranges = self._spans(network, stated.version)
        if ranges is not None and not any(first <= int(stated) <= last for first, last in ranges):
            raise RequestError(f"IP address {stated} is in no range of network {network.name}", remedy="see listVlanIpRanges networkid=")
        if stated in subnet.reserved:
            raise RequestError(f"IP address {stated} is reserved in network {network.name}", remedy="choose another of the network")
        return stated

    def _next_ip(self, network: r.Network, nic_id: str, prefix: IpNetwork) -> str:
        taken = gaps.Taken(TABLES[r.IpAllocation], "offset", {"network": network.id, "family": prefix.version})
        intervals = self._usable(network, prefix)
        while (found := gaps.next_free(self.connection, taken, intervals)) is not None:
            made = prefix.network_address + found
            if self._take(network, nic_id, prefix, made):
                return str(made)
        raise RequestError(
            f"Unable to acquire an IP address from network {network.name}: all it may give are in use",
            code=533,
            cs_code=4480,
            remedy="remove a NIC, make a larger network, or add a range to a shared one with createVlanIpRange",
        )

    def _spans(self, network: r.Network, family: int) -> list[Interval] | None:
        """Return the IPv4 addresses, as numbers, that a shared network gives: its ranges. None: the network's own row says."""
        if network.guest_type.lower() != "shared" or family != 4:
            return None
        ends = [(one.start_ip, one.end_ip or one.start_ip) for one in self.all(r.IpRange, network=network.id)]
        return [(int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last))) for first, last in ends if first and last]

    def _usable(self, network: r.Network, prefix: IpNetwork) -> list[Interval]:
        """Return the offsets that may be given; of a shared network's further ranges they may lie outside the prefix."""
        spans = self._spans(network, prefix.version)
        if spans is None:
            return _usable(network, prefix)
        base = int(prefix.network_address)
        subnets = subnets_of(network, self.all(r.IpRange, network=network.id))
        holes = [(int(address) - base,) * 2 for subnet in subnets if subnet.prefix.version == 4 for address in subnet.reserved]
        return gaps.subtract([(first - base, last - base) for first, last in spans], holes)

    def _take(self, network: r.Network, nic_id: str, prefix: IpNetwork, address: IpAddress) -> bool:
        offset = int(address) - int(prefix.network_address)
        row = r.IpAllocation(
            zone=network.zone,
            network=network.id,
            address=str(address),
            offset=offset if offset <= _BIGGEST_OFFSET else None,
            family=prefix.version,
            nic=nic_id,
            vni=network.vni if self.count(r.Binding, nic=nic_id) else None,  # of a bound NIC it is published at once
        )
        return self.add_if_free(row)

    def release_ip(self, network_id: str, address: str) -> None:
        """Take one IP away from its NIC and delete the NIC's row of it; it is free when no host believes in it any more."""
        allocation = self.one(r.IpAllocation, network=network_id, address=str(parse_ip(address)), state=r.AllocationState.USED)
        if allocation is None:
            return
        self.delete_where(r.NicIp, nic=allocation.nic, address=allocation.address)
        self._drain(r.IpAllocation, [allocation])
        self._touch_nic(allocation.nic)

    def release_nic(self, nic_id: str) -> None:
        """Delete a NIC and its addresses; they are free when no host believes in them any more.

        Raises :class:`RequestError` 536 while it is bound to a host.
        """
        nic = self.get(r.Nic, nic_id)
        if nic is not None and self.count(r.Binding, nic=nic_id):
            raise RequestError(f"NIC {nic_id} is on a host", code=536, cs_code=4375, remedy="stop its VM first")
        self._drain(r.MacAllocation, self.all(r.MacAllocation, nic=nic_id, state=r.AllocationState.USED))
        self._drain(r.IpAllocation, self.all(r.IpAllocation, nic=nic_id, state=r.AllocationState.USED))
        if nic is not None:
            self.touch_segment(nic.network)
            self.delete_where(r.Tag, resource=nic_id)
            self._delete(r.Nic, TABLES[r.Nic].c.id == nic_id)

    def _drain(self, kind: type, rows: list[r.MacAllocation] | list[r.IpAllocation]) -> None:
        for row in rows:
            if row.vni is None:  # never published: nobody can believe in it
                self._delete(kind, TABLES[kind].c.id == row.id)
                continue
            values = {"state": r.AllocationState.DRAINING, "release_revision": PENDING}
            self.connection.execute(sa.update(TABLES[kind]).where(TABLES[kind].c.id == row.id).values(**values))
            self._stamp(row.zone, kind, "release_revision", row.id)

    def _touch_nic(self, nic_id: str) -> None:
        """Mark all that is compiled from a NIC: its segment, and the hosts it is bound to."""
        nic = self.get(r.Nic, nic_id)
        if nic is not None:
            self.touch_segment(nic.network)
            for binding in self.all(r.Binding, nic=nic_id):
                self.touch_host(binding.host)


def _prefix(network: r.Network, family: int) -> IpNetwork | None:
    text = network.cidr if family == 4 else network.ip6_cidr
    return ipaddress.ip_network(text, strict=False) if text else None


def _gateway(network: r.Network, family: int) -> IpAddress | None:
    text = network.gateway if family == 4 else network.ip6_gateway
    return ipaddress.ip_address(text) if text else None


def _usable(network: r.Network, prefix: IpNetwork) -> list[Interval]:
    """Return the offsets that may be given: within startip–endip where stated, without network, broadcast and gateway."""
    first, last = 1, min(prefix.num_addresses - (2 if prefix.version == 4 else 1), _BIGGEST_OFFSET)
    if prefix.num_addresses <= 2:
        first, last = 0, prefix.num_addresses - 1
    start, end = (network.start_ip, network.end_ip) if prefix.version == 4 else (network.start_ip6, network.end_ip6)
    base = int(prefix.network_address)
    first = max(first, int(ipaddress.ip_address(start)) - base) if start else first
    last = min(last, int(ipaddress.ip_address(end)) - base) if end else last
    gateway = _gateway(network, prefix.version)
    hole = int(gateway) - base if gateway is not None else 0
    if not first <= hole <= last:
        return [(first, last)] if first <= last else []
    return [one for one in ((first, hole - 1), (hole + 1, last)) if one[0] <= one[1]]

"""A new machine from what its owner stated: checked as a whole before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vxloom.errors import IntentError, RequestError
from vxloom.model.addresses import format_mac, parse_ip, parse_mac
from vxloom.model.intent import GuestSource
from vxloom.server.call import Call
from vxloom.server.lifecycle import access, shared
from vxloom.server.parameters import Arguments
from vxloom.store import Fold, ReadTransaction, Transaction, records

_NAME = re.compile(r"^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")
_BASE64 = re.compile(r"^[A-Za-z0-9+/_\s-]*={0,2}\s*$")
_TAP = re.compile(r"^[A-Za-z0-9_.-]{1,15}$")
OURS = "vxloom."
SOURCE, TAP, SHARED = "vxloom.source", "vxloom.tap", "vxloom.shared"
"""Details of ours: who plugs the guest in, the tap's name there, and addresses it may share."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One NIC as asked for."""

    network: str
    ip: str | None = None
    ip6: str | None = None
    mac: str | None = None


def wishes(given: Arguments) -> list[Wish]:
    """Return the NICs asked for; raises :class:`RequestError` 431 where the parameters exclude one another."""
    rows, ids = given.rows("iptonetworklist"), given.items("networkids") or _by_card(given)
    ip, ip6, mac = given.filled("ipaddress"), given.filled("ip6address"), given.filled("macaddress")
    if rows and (ids or ip or ip6):
        raise RequestError(
            "ipToNetworkList can't be specified along with networkIds, ipAddress or ip6address", remedy="give one or the other"
        )
    found = [_wish(row) for row in rows] if rows else [Wish(network) for network in ids]
    if mac and found:
        found[0] = Wish(found[0].network, found[0].ip, found[0].ip6, found[0].mac or mac)
    if (ip or ip6) and not rows:
        if len(found) > 1:
            raise RequestError(
                "ipaddress and ip6address are for one network", remedy="give iptonetworklist[0].networkid and .ip for several"
            )
        stated, stated6 = parse_family(ip, 4), parse_family(ip6, 6)
        found = [Wish(wish.network, stated, stated6, wish.mac) for wish in found] or [Wish("", stated, stated6, mac)]
    if len({wish.network for wish in found}) != len(found):
        raise RequestError("A network is named twice", remedy="a machine has one NIC in a network")
    return found or [Wish("", mac=mac)]


def networks_of(
    call: Call, rx: ReadTransaction, asked: Sequence[Wish], account: records.Account, zone: records.Zone
) -> list[records.Network]:
    """Return the networks of the NICs asked for; a NIC without one gets the account's only network.

    Raises :class:`RequestError` 431 (unknown, another zone, none to choose) or 531 (another's).
    """
    found: list[records.Network] = []
    for wish in asked:
        network = access.fetch(call, rx, wish.network, "networkids", account) if wish.network else _only_network(rx, account, zone)
        if network.zone != zone.id:
            raise RequestError(f"Network {network.name} is not in zone {zone.name}")
        if not access.uses(rx, network, account):
            raise RequestError(f"Network {network.name} does not belong to account {account.name}", code=531, cs_code=4365)
        found.append(network)
    return found


def guest_of(call: Call, details: Mapping[str, str], template: records.Template) -> tuple[GuestSource, str]:
    """Return who plugs the guest in, and the tap's name where others do; raises 431 or 531."""
    text, tap = details.get(SOURCE, ""), details.get(TAP, "")
    try:
        source = GuestSource(text) if text else template.guest_source
    except ValueError:
        known = ", ".join(GuestSource)
        raise RequestError(f"{SOURCE}={text[:80]} is not known", remedy=f"give one of {known}") from None
    if (source is not GuestSource.NAMESPACE or tap) and not call.caller.root:
        raise RequestError(f"{SOURCE} and {TAP} are for root admins: they name devices of a host", code=531, cs_code=4365)
    if tap and (source is not GuestSource.EXTERNAL or not _TAP.match(tap)):
        raise RequestError(f"{TAP}={tap[:80]} cannot be used", remedy=f"a device name of at most 15 characters, with {SOURCE}=external")
    return source, tap


def name_of(rx: ReadTransaction, given: Arguments, vm: str, networks: Sequence[records.Network]) -> str:
    """Return the machine's host name; raises 431 when it is none, or is taken in one of its networks."""
    name = given.filled("name") or f"VM-{vm}"
    refuse_name(name)
    refuse_taken(rx, name, networks)
    return name


def refuse_name(name: str) -> None:
    """Raise 431 unless a text can be a host name (RFC 1123; CloudStack: first a letter)."""
    if not _NAME.match(name):
        raise RequestError(
            f"Invalid name {name[:80]}. Instance name can contain ASCII letters, the digits and the hyphen, must be between 1 and 63 "
            "characters long, must start with a letter and not end with a hyphen"
        )


def user_data(given: Arguments) -> str | None:
    """Return the user data given, None for none; raises 431 for what is not Base64, in either of its alphabets (RFC 4648)."""
    text = given.filled("userdata")
    if text is not None and (not _BASE64.match(text) or len("".join(text.split())) % 4 == 1):
        raise RequestError("User data is not Base64 encoded", remedy="encode it: base64 -w0 FILE")
    return text


def add_nics(
    call: Call,
    tx: Transaction,
    vm: records.Vm,
    asked: Sequence[Wish],
    networks: Sequence[records.Network],
    details: Mapping[str, str],
    tap: str,
) -> None:
    """Give a machine its NICs with their addresses; the first is the default one."""
    for position, (wish, network) in enumerate(zip(asked, networks, strict=True)):
        nic = add_nic(tx, vm, wish, network, position, default=position == 0, tap=tap if position == 0 else "")
        if position == 0 and (wanted := details.get(SHARED)):
            tx.update(records.Nic, nic.id, shared=shared.checked(tx, network, nic, wanted.split(",")))


def add_nic(
    tx: Transaction, vm: records.Vm, wish: Wish, network: records.Network, position: int, *, default: bool = False, tap: str = ""
) -> records.Nic:
    """Give a machine one NIC with its addresses; raises :class:`RequestError` 431 or 533 where the network cannot have it so."""
    nic = records.new_id()
    mac = tx.take_mac(nic, vm.zone, _mac(wish.mac))
    if mac in sharing(tx, network):
        raise RequestError(f"The MAC address {mac} is shared by other NICs of network {network.name}", remedy="choose another")
    row = tx.add(records.Nic(id=nic, vm=vm.id, network=network.id, mac=mac, is_default=default, position=position, tap=tap))
    _give_addresses(tx, row, network, wish)
    return row


def sharing(rx: ReadTransaction, network: records.Network) -> frozenset[str]:
    """Return the IPs and MACs that NICs of a network may hold in turn: nobody's own."""
    return frozenset(address for other in rx.all(records.Nic, network=network.id) for address in other.shared)


def _give_addresses(tx: Transaction, nic: records.Nic, network: records.Network, wish: Wish) -> None:
    if network.guest_type == "L2":
        if wish.ip or wish.ip6:
            raise RequestError(f"Network {network.name} is L2: the cloud gives no addresses there", remedy="leave the address out")
        return
    for family, stated, prefix in ((4, wish.ip, network.cidr), (6, wish.ip6, network.ip6_cidr)):
        if stated and not prefix:
            raise RequestError(f"Network {network.name} has no IPv{family} prefix, so {stated[:80]} cannot be given")
        if prefix:
            give_address(tx, nic, network, stated, family=family)


def give_address(
    tx: Transaction, nic: records.Nic, network: records.Network, stated: str | None, *, family: int = 4, secondary: bool = False
) -> records.NicIp:
    """Give a NIC an address nobody shares, the next free one or the stated one; raises :class:`RequestError` 431 or 533.

    Sharing NICs do not own what they share, so the allocator does not know of it.
    """
    taken = sharing(tx, network)
    if stated in taken:
        raise RequestError(f"{stated} is shared by other NICs of network {network.name}", remedy="choose another")
    refused: list[str] = []
    mac = None if secondary else nic.mac
    while (address := tx.take_ip(network.id, nic.id, address=stated, family=family, mac=mac)) in taken:
        refused.append(address)
    for other in refused:
        tx.release_ip(network.id, other)
    return tx.add(records.NicIp(nic=nic.id, address=address, family=family, secondary=secondary))


def _only_network(rx: ReadTransaction, account: records.Account, zone: records.Zone) -> records.Network:
    own = rx.all(records.Network, account=account.id, zone=zone.id, limit=2)
    if len(own) != 1:
        raise RequestError("NetworkIds have to be specified", remedy="name the networks: networkids=ID,ID")
    return own[0]


def refuse_taken(rx: ReadTransaction, name: str, networks: Sequence[records.Network], but: str = "") -> None:
    """Raise 431 when another machine than ``but`` has a name in one of these networks, in any case: guests find each other by it."""
    for vm in rx.all(records.Vm, name=Fold(name)):
        if vm.id != but and rx.count(records.Nic, vm=vm.id, network=[network.id for network in networks]):
            raise RequestError(f"The vm with hostName {name} already exists in the network", remedy="choose another name")


def _wish(row: Mapping[str, str]) -> Wish:
    entry = {key.lower(): value.strip() for key, value in row.items()}
    network = entry.get("networkid", "")
    if not network:
        raise RequestError("iptonetworklist needs a networkid in every entry", remedy="write iptonetworklist[0].networkid=ID")
    return Wish(network, parse_family(entry.get("ip"), 4), parse_family(entry.get("ipv6") or entry.get("ip6"), 6), entry.get("mac") or None)


def _by_card(given: Arguments) -> tuple[str, ...]:
    """Return the networks of ``nicnetworklist[0].nic=0&nicnetworklist[0].network=ID``, by their cards' numbers."""
    entries = [{key.lower(): value.strip() for key, value in row.items()} for row in given.rows("nicnetworklist")]
    if not all(entry.get("network") and (nic := entry.get("nic", "")).isascii() and nic.isdigit() for entry in entries):
        raise RequestError("nicnetworklist needs nic and network in every entry", remedy="write nicnetworklist[0].nic=0 and .network=ID")
    found = {int(entry["nic"][:9]): entry["network"] for entry in entries}
    if len(found) != len(entries):
        raise RequestError("nicnetworklist names a nic twice", remedy="count them from 0")
    return tuple(found[nic] for nic in sorted(found))


def parse_family(text: str | None, family: int) -> str | None:
    """Return an address of a family in canonical text, None for none; raises :class:`IntentError` for anything else."""
    if not text:
        return None
    address = parse_ip(text)
    if address.version != family:
        raise IntentError(f"{text} is not an IPv{family} address")
    return str(address)


def _mac(text: str | None) -> str | None:
    return format_mac(parse_mac(text)) if text else None

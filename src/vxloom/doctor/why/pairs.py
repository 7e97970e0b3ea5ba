"""Whom a person means by two words on one host, by what that host was told: its own machines by name, others by address. Pure."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from vxloom.agent.held import Word
from vxloom.errors import ConfigError, IntentError, StateError
from vxloom.model.addresses import format_mac, pack_ip, parse_ip, parse_mac, unpack_ip
from vxloom.model.host import HostDocument, PortDocument, decode_ports
from vxloom.model.pair import End, Pair
from vxloom.model.segment import SegmentTable

Item = TypeVar("Item")


def pair_of(word: Word, one: str, other: str) -> Pair:
    """Return the pair two words mean. Raises ``ConfigError`` for words that mean nobody or several, ``StateError`` for an untold host."""
    document = word.document
    if document is None:
        raise StateError("this host was told nothing yet", remedy="join it to a server, or ask on the server: vxloom why VM1 VM2")
    ports = decode_ports(document)[0]
    mine, its = ([port for port in ports if _is(port, text)] for text in (one, other))
    both = [(a, b) for a in mine for b in its if a.vni == b.vni and a.nic != b.nic]
    if both:
        (a, b) = _only(both, f"{one} and {other}")
        return Pair(vni=a.vni, ends=(_local(document, a), _local(document, b)), here=(0, 1))
    if not mine and not its:
        raise ConfigError(f"neither {one} nor {other} lives here", remedy="name one of this host's machines: vxloom agent --observe")
    near, far = (mine, other) if mine else (its, one)
    found = [(port, end) for port in near for end in _remote(document, word.tables.get(port.vni), far)]
    if not found:
        raise ConfigError(
            f"{far} is nobody in a network of {near[0].vm_name}",
            remedy="give the address or MAC that the other has there; another host's machines are not known here by name",
        )
    port, end = _only(found, f"{one} and {other}")
    local = _local(document, port)
    return Pair(vni=port.vni, ends=(local, end), here=(0,)) if mine else Pair(vni=port.vni, ends=(end, local), here=(1,))


def _is(port: PortDocument, text: str) -> bool:
    addresses = {address.partition("/")[0] for address in port.ips} | set(port.security.ips)
    return text.lower() in {port.vm_name.lower(), port.vm, port.nic, port.mac.lower(), *addresses}


def _only(found: list[Item], what: str) -> Item:
    if len(found) > 1:
        raise ConfigError(f"{what} may be {len(found)} pairs on this host", remedy="give the VM's id, or an address")
    return found[0]


def _local(document: HostDocument, port: PortDocument) -> End:
    ips = tuple(address.partition("/")[0] for address in port.ips) or (() if port.security.checked is False else port.security.ips)
    return End(vm=port.vm_name, nic=port.nic, mac=port.mac.lower(), ips=ips, host=document.name, vtep=document.vtep)


def _remote(document: HostDocument, table: SegmentTable | None, text: str) -> list[End]:
    """Return whom an address or MAC means among the machines of other hosts in a segment."""
    if table is None:
        return []
    mac, ip = _meant(table, text)
    rows = table.ports[(table.ports["mac"] == np.uint64(mac)) & (table.ports["host"] != document.number)] if mac else table.ports[:0]
    ends = []
    for number in rows["host"].tolist():
        for _, high, low in table.members[table.members["host"] == number].tolist():
            vtep = str(unpack_ip(high, low))
            ends.append(End(vm=text, nic="", mac=format_mac(mac), ips=(ip,) if ip else (), host=vtep, vtep=vtep))
    return ends


def _meant(table: SegmentTable, text: str) -> tuple[int, str]:
    """Return the MAC and the address of a word, 0 for nobody."""
    try:
        return parse_mac(text), ""
    except IntentError:
        pass
    try:
        address = parse_ip(text)
    except IntentError:
        return 0, ""
    high, low = pack_ip(address)
    found = table.addresses[(table.addresses["hi"] == np.uint64(high)) & (table.addresses["lo"] == np.uint64(low))]
    return (int(found["mac"][0]) if len(found) else 0), str(address)

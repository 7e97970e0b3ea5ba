"""A small cloud as intent: hosts, one network each with guests on some of them; and the words a server would send about it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from benchmarks.world import EPOCH
from vxloom.agent.held import Word
from vxloom.compiler import compile_document, compile_segments
from vxloom.hypervisor.namespace import guest_name
from vxloom.model.host import decode_ports
from vxloom.model.intent import Binding, BindingState, GuestSource, Host, Intent, Network, Nic

_IDS = uuid.UUID("6d1c3a52-0000-4000-8000-000000000000")


def identity(*words: object) -> str:
    """Return the same UUID for the same words."""
    return str(uuid.uuid5(_IDS, " ".join(map(str, words))))


def host(number: int, vtep: str) -> Host:
    """Return host ``h<number>``."""
    return Host(identity("host", number), number, f"h{number}", vtep)


def network(vni: int) -> Network:
    """Return a network of 10.1.0.0/16 whose guests are held to their addresses."""
    return Network(identity("network", vni), f"net-{vni}", "tenant", vni, 1450, addressed=True, prefixes=("10.1.0.0/16",))


def guest(net: Network, place: Host, number: int, source: GuestSource = GuestSource.NAMESPACE) -> Nic:
    """Return the card of guest ``number`` of a network: its MAC and IP say which."""
    mac = (0x0200_0000_0000 | (net.vni & 0xFFFF) << 16 | number).to_bytes(6, "big").hex(":")
    return Nic(
        id=identity("nic", net.vni, number),
        vm=identity("vm", net.vni, number),
        vm_name=f"vm-{net.vni}-{number}",
        network=net.id,
        mac=mac,
        ips=(f"10.1.{number >> 8}.{number & 255}",),
        bindings=(Binding(place.id, BindingState.ACTIVE, 1),),
        source=source,
    )


def cloud(hosts: Sequence[Host], networks: Sequence[Network], nics: Sequence[Nic]) -> Intent:
    """Return the intent."""
    return Intent("zone", EPOCH, 1, tuple(hosts), tuple(networks), tuple(nics))


def word_for(intent: Intent, place: Host) -> Word:
    """Return what a server would send a host: its document, and the tables of its segments."""
    document = compile_document(intent, place.id, 1, {})
    tables = compile_segments(intent)
    return Word(document, {need.vni: tables[need.vni] for need in document.segments})


def guest_names(word: Word) -> list[str]:
    """Return the namespaces of a host's guests, in the order of their ports."""
    return [guest_name(port) for port in decode_ports(word.document)[0]] if word.document else []

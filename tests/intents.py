"""Small clouds for tests, in a line each."""

from __future__ import annotations

from vxloom.compiler import compile_document, compile_host, compile_segments
from vxloom.model.host import tap_name
from vxloom.model.intent import Binding, BindingState, Host, Intent, Network, Nic
from vxloom.model.state import HostState

ACTIVE, INCOMING, OUTGOING = BindingState.ACTIVE, BindingState.INCOMING, BindingState.OUTGOING


def host(number: int, vtep: str = "") -> Host:
    """Host `h<number>` with id `host-<number>`."""
    return Host(f"host-{number}", number, f"h{number}", vtep or f"192.0.2.{number}")


def network(vni: int, *, addressed: bool = True, mtu: int = 1450, tenant: str = "t1") -> Network:
    """Network `net-<vni>`, 10.1.1.0/24 and fd00:1::/64 where addressed."""
    prefixes = ("10.1.1.0/24", "fd00:1::/64") if addressed else ()
    return Network(f"net-{vni}", f"n{vni}", tenant, vni, mtu, addressed, prefixes, "10.1.1.1" if addressed else "")


def at(number: int, state: BindingState = ACTIVE, sequence: int = 1) -> Binding:
    return Binding(f"host-{number}", state, sequence)


def nic(number: int, vni: int, *bindings: Binding, **fields: object) -> Nic:
    """NIC whose id, MAC and addresses follow from its number (1…250); MACs and addresses repeat from network to network."""
    addressed = bool(fields.pop("addressed", True))
    known: dict[str, object] = {
        "id": nic_id(number, vni),
        "vm": f"vm-{number}",
        "vm_name": f"vm{number}",
        "network": f"net-{vni}",
        "mac": mac(number),
        "ips": (f"10.1.1.{number}", f"fd00:1::{number:x}") if addressed else (),
        "bindings": bindings,
    }
    return Nic(**{**known, **fields})  # type: ignore[arg-type]


def nic_id(number: int, vni: int) -> str:
    return f"{vni:08x}-{number:04x}-4000-8000-000000000000"


def tap(number: int, vni: int) -> str:
    return tap_name(nic_id(number, vni))


def mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def cloud(networks: tuple[Network, ...], nics: tuple[Nic, ...], *, hosts: tuple[Host, ...] = (), revision: int = 7) -> Intent:
    return Intent("zone-1", "epoch-1", revision, hosts or (host(1), host(2), host(3)), networks, nics)


def desired(intent: Intent, number: int = 1, *, storm_limit: int = 0) -> HostState:
    """Desired state of one host of an intent."""
    document = compile_document(intent, f"host-{number}", intent.revision, {}, storm_limit=storm_limit)
    return compile_host(document, compile_segments(intent))

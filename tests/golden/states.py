"""Intent, host state and plans as text a person can judge."""

from __future__ import annotations

from dataclasses import fields

from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.intent import Intent, Nic
from vxloom.model.state import ROW_TABLES, HostState, Resource
from vxloom.planner import diff, render


def intent_text(intent: Intent) -> str:
    lines = [f"host {host.name} at {host.vtep}" for host in intent.hosts]
    for network in intent.networks:
        addresses = " ".join(network.prefixes) or "no addresses"
        lines.append(f"network {network.name} of {network.tenant}: VNI {network.vni}, MTU {network.mtu}, {addresses}")
        lines += [f"  {_nic(nic)}" for nic in intent.nics if nic.network == network.id]
    return "\n".join(lines)


def _nic(nic: Nic) -> str:
    words = [nic.vm_name, nic.mac, *nic.ips]
    words += [f"shares {' '.join(nic.shared)}"] if nic.shared else []
    words += [f"holds {' '.join(nic.held)}"] if nic.held else []
    words += [f"{binding.state} on {binding.host.replace('host-', 'h')}" for binding in nic.bindings]
    return " ".join(words + ([] if nic.running else ["stopped"]))


def state_text(state: HostState) -> str:
    """Resources in order, without what the recipe always has; then rows, all of them."""
    lines = [_resource(resource) for resource in state.resources.values()]
    for vni, rows in state.rows.items():
        lines.append(f"rows of VNI {vni}")
        for name in ROW_TABLES:
            lines += [f"  {name} {_row(name, row)}" for row in getattr(rows, name).tolist()]
    return "\n".join(lines)


def _resource(resource: Resource) -> str:
    words = [" ".join(resource.key)]
    for item in fields(resource):  # type: ignore[arg-type]
        value = getattr(resource, item.name)
        if item.name not in {"name", "tap"} and value != item.default:
            words.append(f"{item.name} " + (f"{{{', '.join(sorted(value))}}}" if isinstance(value, frozenset) else str(value)))
    return ", ".join(words)


def _row(name: str, row: tuple[int, ...]) -> str:
    match name:
        case "fdb":
            return f"{format_mac(row[0])} at {unpack_ip(row[1], row[2])}"
        case "bridged":
            return format_mac(row[0])
        case "flood":
            return str(unpack_ip(row[0], row[1]))
        case _:
            return f"{unpack_ip(row[0], row[1])} is {format_mac(row[2])}"


def steps_text(title: str, wanted: HostState, seen: HostState, *, prune: bool = True) -> str:
    return f"== {title}\n{render(diff(wanted, seen, prune=prune))}"

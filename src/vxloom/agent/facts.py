"""What an agent tells of its host: the VTEP's address, the labels it can resolve, the machine."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
from pathlib import Path
from typing import Any

from vxloom.errors import ConfigError
from vxloom.settings import AgentSettings


def host_name(settings: AgentSettings) -> str:
    """Return the name to join as."""
    return settings.name or socket.gethostname()


def host_facts(settings: AgentSettings) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return (VTEP address, label → "bridge" | "interface" | "missing", facts). ``underlay_mtu`` is in bytes."""
    vtep = settings.vtep or _route_source(settings)
    device, mtu = _device_of(vtep)
    facts = {
        "kernel": platform.release(),
        "cores": str(os.cpu_count() or 1),
        "memory_bytes": str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
        "underlay_device": device,
        "underlay_mtu": str(mtu),
    }
    return vtep, {label: _label_state(name) for label, name in settings.labels.items()}, facts


def underlay(settings: AgentSettings) -> tuple[str, ...]:
    """Return the devices that carry the tunnel end point: the one with its address; where that is a loopback, those of the default routes.

    Empty while there is none, or it is not known.
    """
    try:
        vtep = settings.vtep or _route_source(settings)
        link = _link_of(vtep)
        if not {"LOOPBACK", "NOARP"}.intersection(link.get("flags", ())):  # a dummy has no ARP
            return (str(link["ifname"]),) if link else ()
        routes = _ip("-6" if ":" in vtep else "-4", "route", "show", "default")
    except ConfigError:
        return ()
    hops = [hop for route in routes for hop in (route, *route.get("nexthops", ()))]
    return tuple(dict.fromkeys(str(hop["dev"]) for hop in hops if "dev" in hop))


def _route_source(settings: AgentSettings) -> str:
    """Return the address this host would use towards the server; no packet is sent."""
    host = settings.server.split(",")[0].rpartition(":")[0].strip("[] ")
    if not host:
        raise ConfigError("neither vtep nor server is set", remedy="set `vtep` in agent.toml to this host's underlay address")
    try:
        family, *_, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise ConfigError(f"no route to the server {host}: {error.strerror}", remedy="set `vtep` in agent.toml") from error


def _device_of(vtep: str) -> tuple[str, int]:
    """Return the device that carries the VTEP's address, and its MTU; 1500 if it is nowhere (yet)."""
    link = _link_of(vtep)
    return (str(link["ifname"]), int(link["mtu"])) if link else ("", 1500)


def _link_of(vtep: str) -> dict[str, Any]:
    return next((link for link in _ip("addr") if any(entry.get("local") == vtep for entry in link.get("addr_info", ()))), {})


def _ip(*words: str) -> list[dict[str, Any]]:
    """Return what `ip -j` shows; nothing where it fails. Raises :class:`ConfigError` where there is none."""
    try:
        shown = subprocess.run(["ip", "-j", *words], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise ConfigError(f"cannot run ip: {error.strerror}", remedy="install iproute2") from error
    found: list[dict[str, Any]] = json.loads(shown or "[]")
    return found


def _label_state(name: str) -> str:
    device = Path("/sys/class/net") / name
    if not device.exists():
        return "missing"
    return "bridge" if (device / "bridge").exists() else "interface"

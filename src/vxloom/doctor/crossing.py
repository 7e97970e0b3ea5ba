"""Evidence of this host's own network: addresses, routes, filters of packets and of ways back. Input only; changes nothing."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from vxloom.dataplane.arp import claimants
from vxloom.doctor.evidence import Device, Route, Wall
from vxloom.prepare.firewall import walls
from vxloom.prepare.machine import Machine

_NO_LINK = "lo"


def addresses(machine: Machine) -> Mapping[str, str]:
    """Return all addresses of this host, each with its device."""
    shown = json.loads(machine.must("ip", "-j", "address", "show") or "[]")
    return {one["local"]: link["ifname"] for link in shown for one in link.get("addr_info", ()) if "local" in one}


def routes(machine: Machine, remotes: Iterable[str]) -> Mapping[str, Route]:
    """Return how this host reaches each address, asked of the kernel in one process a family."""
    found: dict[str, Route] = {}
    for version in (4, 6):
        asked = sorted(remote for remote in remotes if ipaddress.ip_address(remote).version == version)
        if not asked:
            continue
        lines = "".join(f"route get {remote}\n" for remote in asked)
        done = machine.run("ip", f"-{version}", "-force", "-batch", "-", text=lines)
        refused = {int(line) for line in re.findall(r"Command failed -:(\d+)", done.errors)}
        found |= {remote: Route() for line, remote in enumerate(asked, 1) if line in refused}
        for line in done.output.splitlines():
            words = line.split()
            if words and words[0] == "local":  # it is an address of this host's
                words = words[1:]
            if words and words[0] in asked:
                found[words[0]] = Route(_after(words, "dev"), _after(words, "src"), int(_after(words, "mtu") or 0))
            elif words and line.startswith(" ") and found and "mtu" in words:  # the cache's line of the route above
                last = next(reversed(found))
                found[last] = Route(found[last].device, found[last].source, int(_after(words, "mtu")))
    return found


def _after(words: list[str], word: str) -> str:
    return words[words.index(word) + 1] if word in words[:-1] else ""


def walls_of(machine: Machine, device: str, family: Literal[4, 6], port: int) -> tuple[Wall, ...]:
    """Return which chains stop the tunnels' packets that come and go by a device, or may. Raises ``PrepareError``."""
    found = walls.around(machine, device, family, port)
    return tuple(Wall(wall.where, wall.because, outward=wall.packet.outward, stops=wall.stops) for wall in found)


def rivals(vtep: str, card: Device, devices: Iterable[Device]) -> tuple[str, ...]:
    """Return the MACs of others that answer for an IPv4 VTEP on its device's link. Takes a tenth of a second. Raises ``OSError``."""
    if card.name == _NO_LINK or not card.up or ":" in vtep:
        return ()
    return tuple(sorted(claimants(card.name, vtep) - {each.mac for each in devices}))


def reverse_path(machine: Machine, device: str) -> int:
    """Return how ``rp_filter`` works on a device: the greater of its own value and that of all (ip-sysctl.rst)."""
    name = device.replace(".", "/")  # as sysctl.d(5) writes a dot in a name
    return max(_number(machine.sysctl(f"net.ipv4.conf.{each}.rp_filter")) for each in ("all", name))


def reverse_path_drops(netstat: str) -> int:
    """Return how many packets ``rp_filter`` dropped, from /proc/net/netstat."""
    lines = [line.split() for line in netstat.splitlines() if line.startswith("TcpExt:")]
    counts = dict(zip(lines[0], lines[1], strict=False)) if len(lines) == 2 else {}
    return _number(counts.get("IPReversePathFilter"))


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0

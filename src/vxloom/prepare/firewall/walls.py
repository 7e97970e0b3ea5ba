"""Where this machine's own rules stop the packets of tunnels. Nothing is changed; tables of our agent's are passed over.

What cannot be seen here: XDP and other BPF programs, switches, security groups of a cloud the machine itself is a guest of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from vxloom.errors import PrepareError
from vxloom.prepare import labels
from vxloom.prepare.firewall import nft
from vxloom.prepare.firewall.iptables import Tables
from vxloom.prepare.firewall.packet import Fate, Hook, Packet
from vxloom.prepare.machine import Machine
from vxloom.settings import HostSettings

Owner = Literal["firewalld", "ufw", "iptables", "nftables"]
"""Whose rules they are: who has to be asked to change them. ``nftables``: nobody known."""
_PORT = re.compile(r"([1-9]\d{0,4})/(udp|tcp)")


@dataclass(frozen=True, slots=True)
class Wall:
    """A chain that would stop a packet, or may."""

    owner: Owner
    program: str
    """Of iptables' rules: what changes them; "" of others."""
    hook: Hook
    packet: Packet
    fates: frozenset[Fate]

    @property
    def stops(self) -> bool:
        """Tell whether it surely stops it."""
        return all(fate.verdict == "drop" for fate in self.fates)

    @property
    def meant(self) -> str:
        """Return the rule that drops this very port; "" when there is none, or when another lets some senders in."""
        named = [fate for fate in self.fates if fate.named]
        return "" if self.admits else min((fate.rule for fate in named if fate.verdict == "drop"), default="")

    @property
    def admits(self) -> str:
        """Return the rule that lets this very port in, from some senders at least; "" when there is none."""
        return min((fate.rule for fate in self.fates if fate.named and fate.verdict == "accept"), default="")

    @property
    def where(self) -> str:
        """Name it for a person."""
        family = {"ip6tables": "ip6tables ", "iptables": "iptables "}.get(self.program.partition("-")[0], "")
        return f"{family}{self.hook.table} {self.hook.chain}"

    @property
    def because(self) -> str:
        """Name the rules that decide."""
        return "; ".join(sorted({fate.rule for fate in self.fates if fate.verdict != "accept"}))


@dataclass(frozen=True, slots=True)
class Seen:
    """All that the machine's rules say about what has to pass."""

    walls: tuple[Wall, ...]
    looked_at: tuple[str, ...]
    """The programs that told."""
    tracks: bool
    """A rule somewhere wants connections tracked."""
    untracked_by: str
    """The rule that exempts the tunnels' packets; "" when there is none."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """All that the machine's programs say of its rules."""

    listing: str | None
    ruleset: nft.Ruleset
    saved: dict[str, Tables]

    @classmethod
    def of(cls, machine: Machine) -> _Rules:
        listing = _listing(machine)
        ruleset = nft.Ruleset(listing or '{"nftables": []}', machine.run("nft", "-a", "-s", "-t", "list", "ruleset").output)
        found = ((name, _told(machine, f"{name}-save")) for name in programs(machine) if name != "nft")
        return cls(listing, ruleset, {name: Tables(text) for name, text in found if text is not None})

    def hooks(self, packet: Packet, stack: Sequence[str]) -> Iterator[tuple[Owner, str, Hook]]:
        theirs = {(("ip6" if "6" in program else "ip"), table) for program, tables in self.saved.items() for table in tables.policies}
        return _hooks(self.ruleset, self.saved, theirs, packet, stack)

    def walls(self, packet: Packet, stack: Sequence[str]) -> Iterator[Wall]:
        for owner, program, hook in self.hooks(packet, stack):
            fates = hook.fates()
            if hook.table.partition(" ")[2] != nft.OURS and any(fate.verdict != "accept" for fate in fates):
                yield Wall(owner, program, hook, packet, fates)


def look(machine: Machine, settings: HostSettings) -> Seen:
    """Follow the packets that have to pass through all rules. Raises :class:`PrepareError` where they cannot be read."""
    device = settings.labels.get("Guest") or machine.way_out()
    stack = [link.name for link in labels.stack(machine.links(), device)]
    packets = [packet for family in machine.families(device) for packet in _packets(settings, family, device)]
    rules = _Rules.of(machine)
    tunnels = [packet for packet in packets if packet.protocol == "udp" and not packet.outward]
    return Seen(
        walls=tuple(wall for packet in packets for wall in rules.walls(packet, stack)),
        looked_at=(*(["nft"] if rules.listing is not None else []), *rules.saved),
        tracks=rules.ruleset.tracks() or any(tables.tracks() for tables in rules.saved.values()),
        untracked_by=max((hook.untracked_by() for packet in tunnels for _, _, hook in rules.hooks(packet, stack)), default=""),
    )


def around(machine: Machine, device: str, family: Literal[4, 6], port: int) -> tuple[Wall, ...]:
    """Return what stops the tunnels' packets that come and go by a device, or may. Raises :class:`PrepareError`."""
    above = not any(name.startswith("lower_") for name in machine.names(f"/sys/class/net/{device}"))
    stack = [device] if above else [link.name for link in labels.stack(machine.links(), device)]
    rules = _Rules.of(machine)
    packets = (Packet(family, "udp", port, outward=outward, device=device) for outward in (False, True))
    return tuple(wall for packet in packets for wall in rules.walls(packet, stack))


def _packets(settings: HostSettings, family: Literal[4, 6], device: str) -> Iterator[Packet]:
    yield Packet(family, "udp", settings.tunnel_port, device=device)
    yield Packet(family, "udp", settings.tunnel_port, outward=True, device=device)
    for asked in settings.firewall_ports:
        found = _PORT.fullmatch(asked)
        if not found or int(found[1]) > 65535:
            raise PrepareError(f"firewall_ports: {asked!r} is no port", remedy='write e.g. firewall_ports = ["8250/tcp"] into host.toml')
        yield Packet(family, found[2], int(found[1]), device=device)


def programs(machine: Machine) -> list[str]:
    """Return the programs that keep rules here: nft, and iptables' for each family and back end."""
    found = ["nft"] if machine.has("nft") else []
    for name in ("iptables", "ip6tables"):
        both = [f"{name}-{way}" for way in ("nft", "legacy") if machine.has(f"{name}-{way}-save")]
        found += both or ([name] if machine.has(f"{name}-save") else [])
    return found


def _hooks(
    ruleset: nft.Ruleset, saved: dict[str, Tables], theirs: set[tuple[str, str]], packet: Packet, stack: Sequence[str]
) -> Iterator[tuple[Owner, str, Hook]]:
    for hook in ruleset.hooks(packet, stack):
        family, _, table = hook.table.partition(" ")
        if (family, table) not in theirs:  # iptables' own listing says more of those
            yield "firewalld" if table == "firewalld" else "nftables", "", hook
    for program, tables in saved.items():
        if program.startswith("ip6tables") == (packet.family == 6):
            yield from ((_owner(tables), program, hook) for hook in tables.hooks(packet))


def _owner(tables: Tables) -> Owner:
    if tables.has("filter", "INPUT_ZONES"):
        return "firewalld"
    return "ufw" if tables.has("filter", "ufw-before-input") else "iptables"


def _listing(machine: Machine) -> str | None:
    """Return all that nft tells, but the elements of our agent's sets: of 10,000 machines they take seconds. None without nft."""
    terse = _told(machine, "nft", "-j", "-t", "list", "ruleset")
    if terse is None:
        return None
    objects: list[dict[str, dict[str, str]]] = json.loads(terse)["nftables"]
    sets = [each[kind] for each in objects for kind in ("set", "map") if kind in each]
    for family, table in dict.fromkeys((each["family"], each["table"]) for each in sets if each["table"] != nft.OURS):
        whole = _told(machine, "nft", "-j", "list", "table", family, table)
        told: list[dict[str, dict[str, str]]] = json.loads(whole or '{"nftables": []}')["nftables"]
        objects += [each for each in told if each.keys() & {"set", "map"}]  # the later ones of a name count
    return json.dumps({"nftables": objects})


def _told(machine: Machine, *command: str) -> str | None:
    """Return what a program says, None when it is not installed."""
    done = machine.run(*command)
    if done.status == 127:
        return None
    if done.status:
        raise PrepareError(f"the firewall's rules cannot be read: {' '.join(command)}: {done.words}", remedy="run as root")
    return done.output

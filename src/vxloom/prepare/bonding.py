"""A bond that is to be made of cards: what it takes over from them, and the change that makes it and takes it back."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from vxloom.errors import PrepareError
from vxloom.prepare.change import Before, Change
from vxloom.prepare.machine import Link, Machine
from vxloom.settings import Bond

MODE = "802.3ad"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$")
"""IFNAMSIZ is 16 with the zero byte (linux/if.h)."""
_CARDS = ("", "veth")
"""Kinds of links that can be members: of hardware, ip(8) says no kind."""
_STATE = re.compile(r"\s+(linkdown|dead|offload|rt_offload|trap|rt_trap)\b")
"""What ``ip route show`` says of a route's state, and ``ip route replace`` does not take."""
_TRIES, _PAUSE = 150, 0.1
"""How long a program may take to make the bond it was told of."""


_Line = tuple[str, str]
"""A command of ip(8): ``-4``, ``-6`` or nothing, and the words."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A card as it is before it becomes a member."""

    name: str
    mtu: int
    up: bool


class MakeBond(Change, frozen=True, kw_only=True, tag="bond"):
    """A bond in the place of its ``carrier``: the member that has addresses, routes, or a place in a bridge, else the first one.

    Made by ip(8) unless ``tell`` names a command that has a program make it from its files. ``addresses`` and ``routes`` are as ip(8) takes
    them, ``-4`` or ``-6`` first.
    """

    wanted: Bond
    carrier: str
    mac: str
    bridge: str
    """The bridge the carrier is in; empty: none."""
    members: tuple[Member, ...]
    """The carrier first."""
    addresses: tuple[tuple[str, str], ...]
    routes: tuple[tuple[str, str], ...]
    tell: tuple[str, ...] = ()
    cuts_off: ClassVar[bool] = True

    @property
    def slot(self) -> str:
        """The bond."""
        return f"bond {self.wanted.name}"

    @property
    def what(self) -> str:
        """Make it."""
        return f"make {self.wanted.name} of {' and '.join(member.name for member in self.members)}, in the place of {self.carrier}"

    def detail(self, machine: Machine) -> str:
        """Show the commands."""
        return "\n".join(self.commands)

    def done(self, machine: Machine) -> bool:
        """Tell whether the bond has its members, the carrier's addresses and its place in a bridge."""
        if not self.is_joined(machine) or machine.links()[self.wanted.name].master != self.bridge:
            return False
        has = {address.split()[0] for _, address in carried(machine, self.wanted.name)[0]}
        return has >= {address.split()[0] for _, address in self.addresses}

    def is_joined(self, machine: Machine) -> bool:
        """Tell whether the bond has its members."""
        links = machine.links()
        bond = links.get(self.wanted.name)
        joined = [member.name in links and links[member.name].master == self.wanted.name for member in self.members]
        return bond is not None and bond.kind == "bond" and all(joined)

    def before(self, machine: Machine) -> Before:
        """Nothing but what this change itself knows."""
        return {}

    @property
    def commands(self) -> list[str]:
        """The commands that make it, for people to read."""
        return [shlex.join(self.tell)] if self.tell else [" ".join(["ip", *line]).replace("  ", " ") for line in self._lines({})]

    def _lines(self, links: Mapping[str, Link]) -> list[_Line]:
        """Return what ip(8) has still to do, where there are these links."""
        name = self.wanted.name
        add = [] if name in links else [("", f"link add dev {name} address {self.mac} type bond {options(self.wanted)}")]
        outside = [each.name for each in self.members if each.name not in links or links[each.name].master != name]
        return [
            *add,
            *(("", f"address flush dev {member.name} scope global") for member in self.members),
            *(("", line) for each in outside for line in (f"link set dev {each} down", f"link set dev {each} master {name}")),
            ("", f"link set dev {name} mtu {self.members[0].mtu}"),
            *([("", f"link set dev {name} master {self.bridge}")] if self.bridge else []),
            ("", f"link set dev {name} up"),
            *self._carry(name),
        ]

    def do(self, machine: Machine) -> None:
        """Make it, and wait until it is there."""
        if self.tell:
            machine.must(*self.tell)
        else:
            if not machine.exists("/sys/module/bonding"):
                machine.run("modprobe", "-q", "bonding", "max_bonds=0")  # else it makes a bond0 of its own
            _run(machine, self._lines(machine.links()))
        for left in reversed(range(_TRIES)):
            if self.done(machine):
                return
            if left:
                time.sleep(_PAUSE)
        raise PrepareError(f"{self.wanted.name} did not come up", remedy=f"see ip -d link show {self.wanted.name}, and the system's log")

    def undo(self, machine: Machine, before: Before) -> None:
        """Take the bond away, however much of it there is, and set its members as they were.

        Where a program made it, that one puts back the rest when it is told that the files are gone (:class:`TellBack`).
        """
        links = machine.links()
        lines: list[_Line] = [("", f"link delete dev {self.wanted.name}")] if self.wanted.name in links else []
        if not lines and links[self.carrier].master == self.bridge and self._has_back(machine):
            return
        _run(machine, lines if self.tell else [*lines, *self._members_back(), *self._carry(self.carrier)])

    def _has_back(self, machine: Machine) -> bool:
        addresses, _ = carried(machine, self.carrier)
        return {address.split()[0] for _, address in addresses} >= {address.split()[0] for _, address in self.addresses}

    def _members_back(self) -> list[_Line]:
        return [
            *(("", f"link set dev {member.name} mtu {member.mtu}") for member in self.members),
            *([("", f"link set dev {self.carrier} master {self.bridge}")] if self.bridge else []),
            *(("", f"link set dev {member.name} up") for member in self.members if member.up),
        ]

    def _carry(self, device: str) -> list[_Line]:
        """Return what puts addresses, then routes, onto a device: a gateway must be reachable before it is named."""
        routes = sorted(self.routes, key=lambda route: " via " in f" {route[1]} ")
        lines = [
            *((family, f"address replace {text} dev {device}{' nodad' if family == '-6' else ''}") for family, text in self.addresses),
            *((family, f"route replace {text} dev {device}") for family, text in routes),
        ]
        return sorted(lines, key=lambda line: line[0])


class TellBack(Change, frozen=True, kw_only=True, tag="tell"):
    """On the way back: have a program read its files as they were, and set the cards as they were. Made first, undone last."""

    bond: str
    members: tuple[Member, ...]
    tell: tuple[str, ...]

    @property
    def slot(self) -> str:
        """The cards."""
        return f"cards of {self.bond}"

    @property
    def what(self) -> str:
        """Nothing now."""
        return f"remember how {' and '.join(member.name for member in self.members)} are"

    def done(self, machine: Machine) -> bool:
        """Never: it goes with the files."""
        return False

    def before(self, machine: Machine) -> Before:
        """Nothing but what this change itself knows."""
        return {}

    def do(self, machine: Machine) -> None:
        """Nothing now."""

    def undo(self, machine: Machine, before: Before) -> None:
        """Tell it, and set what its files do not say."""
        machine.must(*self.tell)
        for member in self.members:
            machine.must("ip", "link", "set", "dev", member.name, "mtu", str(member.mtu))
            if member.up:
                machine.must("ip", "link", "set", "dev", member.name, "up")


def _run(machine: Machine, lines: Sequence[_Line]) -> None:
    """Have ip(8) run commands, many in one process: between taking an address away and setting it again nobody is reached."""
    for family, group in itertools.groupby(lines, key=lambda line: line[0]):
        text = "".join(f"{words}\n" for _, words in group)
        machine.must("ip", *([family] if family else []), "-batch", "-", text=text)


def options(wanted: Bond) -> str:
    """Return a bond's options as ``ip link add … type bond`` takes them."""
    return f"mode {MODE} lacp_rate {wanted.rate} xmit_hash_policy {wanted.hash} miimon {wanted.miimon} min_links {wanted.min_links}"


def bonding(machine: Machine, wanted: Bond) -> MakeBond:
    """Return the bond that is asked for, by ip(8). Raises :class:`PrepareError` where it cannot be made of these members."""
    _refuse_words(wanted)
    links = machine.links()
    members = [_member(links, name, wanted) for name in wanted.members]
    carries = {link.name: carried(machine, link.name) for link in members}
    holders = [link for link in members if any(carries[link.name]) or link.master]
    if len(holders) > 1:
        raise PrepareError(
            f"{' and '.join(link.name for link in holders)} have addresses, routes or a place in a bridge: a bond takes over one member's",
            remedy="take them off all members but one first",
        )
    carrier = holders[0] if holders else members[0]
    ordered = [carrier, *(link for link in members if link != carrier)]
    addresses, routes = carries[carrier.name]
    return MakeBond(
        reason="one card, cable or switch may fail; what sits on the card moves to the bond",
        wanted=wanted,
        carrier=carrier.name,
        mac=carrier.mac,
        bridge=carrier.master,
        members=tuple(Member(name=link.name, mtu=link.mtu, up=link.up) for link in ordered),
        addresses=addresses,
        routes=routes,
    )


def _refuse_words(wanted: Bond) -> None:
    number = len(set(wanted.members))
    if not _NAME.match(wanted.name):
        raise PrepareError(f"{wanted.name!r} is no name for a bond", remedy="take 15 letters, digits, dots or dashes at the most, as bond0")
    if number < 2 or number < len(wanted.members):
        raise PrepareError(f"{wanted.name} is to have {number} member, or one twice", remedy="name two cards or more, each once")
    if not 1 <= wanted.min_links <= number:
        raise PrepareError(f"min_links = {wanted.min_links} is not from 1 to {number}", remedy="set it to 1 unless you know better")
    if wanted.miimon <= 0:
        raise PrepareError(f"with miimon = {wanted.miimon} nobody looks at the cards", remedy="set it to 100")


def _member(links: Mapping[str, Link], name: str, wanted: Bond) -> Link:
    link = links.get(name)
    if link is None:
        near = ", ".join(sorted(each.name for each in links.values() if each.kind in _CARDS and each.name != "lo"))
        raise PrepareError(
            f"{name}, a member of {wanted.name}, is not here", remedy=f"name some of: {near[:200] or '(there are no cards)'}"
        )
    if link.kind not in _CARDS or name == "lo":
        raise PrepareError(f"{name} is no card but a {link.kind or 'loopback'}", remedy="name the cards themselves")
    if link.master and (link.master not in links or links[link.master].kind != "bridge"):
        raise PrepareError(f"{name} is in {link.master} already", remedy="take it out first, or name another card")
    above = sorted(each.name for each in links.values() if each.lower == name and each.kind != "veth")
    if above:
        raise PrepareError(
            f"{', '.join(above)} stands on {name}, and cannot be put onto another device",
            remedy=f"take it away first, and make it on {wanted.name} afterwards",
        )
    return link


Carried = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


def carried(machine: Machine, device: str) -> Carried:
    """Return the addresses and the routes of a device that do not come back by themselves, as ip(8) takes them.

    Link-local addresses and what routers tell do. Raises :class:`PrepareError` for what cannot be moved.
    """
    shown = json.loads(machine.must("ip", "-j", "address", "show", "dev", device) or "[]")
    told = [each for link in shown for each in link.get("addr_info", ()) if each.get("scope") != "link"]
    addresses = [("-6" if each["family"] == "inet6" else "-4", _address(each)) for each in told]
    routes: list[tuple[str, str]] = []
    for family in ("-4", "-6"):
        text = machine.must("ip", family, "route", "show", "table", "all", "dev", device)
        if "nexthop" in text:
            raise PrepareError(f"a route over several ways ends on {device}", remedy="take it out, and set it on the bond afterwards")
        lines = (_STATE.sub("", line).strip() for line in text.splitlines())
        routes += [(family, line) for line in lines if line and not _returns(line)]
    return tuple(addresses), tuple(routes)


def _returns(route: str) -> bool:
    return bool(re.search(r"\bproto (kernel|ra)\b", route)) or route.split(maxsplit=1)[0] in {"local", "broadcast", "anycast", "multicast"}


def _address(told: Mapping[str, object]) -> str:
    words = [f"{told['local']}/{told['prefixlen']}"]
    if told.get("broadcast"):
        words += ["brd", str(told["broadcast"])]
    if told.get("dynamic"):  # from DHCP: valid for so many seconds more
        words += ["valid_lft", str(told["valid_life_time"]), "preferred_lft", str(told["preferred_life_time"])]
    return " ".join(words)


def told(bond: MakeBond, tell: Sequence[str], back: Sequence[str] = ()) -> tuple[TellBack, MakeBond]:
    """Return what goes before and after the files of a program that makes the bond once it is told of them (``back``: as they were)."""
    kept = tuple(address for address in bond.addresses if "valid_lft" not in address[1])  # DHCP may give the bond another one
    first = TellBack(
        bond=bond.wanted.name, members=bond.members, tell=tuple(back or tell), reason="so that they are brought up as before by undo"
    )
    return first, msgspec.structs.replace(bond, addresses=kept, tell=tuple(tell))

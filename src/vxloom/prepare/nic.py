"""What a network card does by itself, as ethtool(8) tells and sets it: offloads, queues, how it spreads packets over them.

A setting is an *aspect* with a name: ``feature`` (``-k``: on, off), ``queues`` (``-l``: a number), ``hash`` (``-n rx-flow-hash``: letters).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from vxloom.errors import PrepareError
from vxloom.prepare import labels
from vxloom.prepare.change import Before, Change
from vxloom.prepare.machine import Link, Machine
from vxloom.settings import HostSettings

Aspect: TypeAlias = Literal["feature", "queues", "hash"]
_FIELDS = {"IP SA": "s", "IP DA": "d", "L4 bytes 0 & 1": "f", "L4 bytes 2 & 3": "n", "L2DA": "m", "VLAN tag": "v", "L3 proto": "t"}
"""How ``-n`` shows what ``-N`` takes as letters (ethtool's rxclass.c and netlink)."""


@dataclass(frozen=True, slots=True)
class Feature:
    """An offload: ``fixed``, the driver does not let it be changed; ``requested`` but not ``on``, the driver does without it."""

    on: bool
    fixed: bool
    requested: bool


def below(machine: Machine, settings: HostSettings) -> list[Link]:
    """Return the cards that the label Guest ends on, by name, else the way out. Raises :class:`PrepareError` where there is none."""
    links, device = machine.links(), settings.labels.get("Guest") or machine.way_out()
    found = sorted(labels.hardware(links, device))
    if not found:
        raise PrepareError(
            f"there is no card below {device}" if device else "there is neither a label Guest nor a default route",
            remedy="name the underlay's device in host.toml: [labels] Guest = …",
        )
    if not machine.has("ethtool"):
        raise PrepareError("ethtool is not installed", remedy="apt install ethtool")
    return [links[name] for name in found]


def features(machine: Machine, device: str) -> dict[str, Feature]:
    """Return a card's offloads by ethtool's names; groups, which have no state of their own, are left out. Raises :class:`PrepareError`."""
    [shown] = json.loads(machine.must("ethtool", "--json", "-k", device))
    return {
        name: Feature(on=bool(told["active"]), fixed=bool(told["fixed"]), requested=bool(told["requested"]))
        for name, told in shown.items()
        if isinstance(told, dict) and told.get("fixed") is not None
    }


def queues(machine: Machine, device: str) -> tuple[int, int]:
    """Return how many combined queues a card uses and could use; (0, 0) where it does not say."""
    numbers = re.findall(r"^Combined:\s*(\d+)", machine.run("ethtool", "-l", device).output, re.MULTILINE)
    return (int(numbers[1]), int(numbers[0])) if len(numbers) == 2 else (0, 0)


def flow_hash(machine: Machine, device: str, flow: str) -> str:
    """Return the letters of what a flow's packets are spread by; "" where the card does not say."""
    told = machine.run("ethtool", "-n", device, "rx-flow-hash", flow)
    return "" if told.status else "".join(letter for words, letter in _FIELDS.items() if words in told.output)


def read(machine: Machine, device: str, aspect: Aspect, name: str) -> str:
    """Return a setting's value, "" where the card has none. Raises :class:`PrepareError`."""
    if aspect == "feature":
        feature = features(machine, device).get(name)
        return "" if feature is None else ("on" if feature.on else "off")
    return str(queues(machine, device)[0] or "") if aspect == "queues" else flow_hash(machine, device, name)


def command(device: str, aspect: Aspect, name: str, value: str) -> tuple[str, ...]:
    """Return what ethtool is called with to set it."""
    if aspect == "hash":
        return ("-N", device, "rx-flow-hash", name, value)
    return ({"feature": "-K", "queues": "-L"}[aspect], device, name, value)


class SetNic(Change, frozen=True, kw_only=True, tag="nic"):
    """Something a network card does by itself, now: an offload, the number of its queues, what it spreads packets by."""

    device: str
    aspect: Aspect
    name: str
    value: str
    cuts_off: ClassVar[bool] = True

    @property
    def slot(self) -> str:
        """The card's setting."""
        return f"{self.aspect} {self.name} of {self.device}"

    @property
    def what(self) -> str:
        """Set it."""
        return f"ethtool {' '.join(self.command(self.device))}"

    def command(self, device: str) -> tuple[str, ...]:
        """Return what ethtool is called with for a device."""
        return command(device, self.aspect, self.name, self.value)

    def done(self, machine: Machine) -> bool:
        """Compare with what the card says."""
        return read(machine, self.device, self.aspect, self.name) == self.value

    def before(self, machine: Machine) -> Before:
        """Remember what the card says."""
        return {"value": read(machine, self.device, self.aspect, self.name)}

    def do(self, machine: Machine) -> None:
        """Set it; the driver may refuse."""
        done = machine.run("ethtool", *self.command(self.device))
        if done.status:
            remedy = "set udp_flow_hash = false in host.toml" if self.aspect == "hash" else "leave this step out with --skip"
            raise PrepareError(f"the driver of {self.device} refuses {self.name} {self.value}: {done.words}", remedy=remedy)

    def undo(self, machine: Machine, before: Before) -> None:
        """Set the old value, unless somebody (or a boot) has set another since."""
        if self.done(machine):
            machine.must("ethtool", *command(self.device, self.aspect, self.name, str(before["value"])))

    def detail(self, machine: Machine) -> str:
        """Say what it is now."""
        return f"now {read(machine, self.device, self.aspect, self.name)}"

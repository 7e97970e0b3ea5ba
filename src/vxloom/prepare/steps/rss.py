"""The step *rss*."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from vxloom.prepare import nic, udev
from vxloom.prepare.changes import AnyChange, SetValue
from vxloom.prepare.guard import guarded
from vxloom.prepare.machine import Machine
from vxloom.prepare.nic import SetNic
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

_FLOWS, _FIELDS = ("udp4", "udp6"), "sdfn"
_SPREAD = "tunnels between two hosts differ in their source port only (RFC 7348 section 5); without it one core receives them all"


class Rss(Step):
    """Spread received packets over all cores: as many queues as there are cores, by addresses and UDP ports."""

    name = "rss"
    after = ("mtu", "offload")

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Say so where no card has queues of its own, or there is one core only."""
        cards = nic.below(machine, settings)
        if all(link.kind for link in cards):
            return f"{', '.join(f'{link.name} ({link.kind})' for link in cards)}: no hardware, so no queues to spread over"
        return "" if machine.cores() > 1 else "there is one core"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Raise the number of queues to the card's most or to that of the cores; with one queue, have the kernel spread (RPS).

        Nothing is lowered, and a steering mask that somebody has set stays.
        """
        wanted = {card.name: card.settings for card in _cards(machine, settings)}
        changes: list[AnyChange] = [*(setting for each in wanted.values() for setting in each), udev.rules(machine, self.name, wanted)]
        hashes = [change for change in changes if isinstance(change, SetNic) and change.aspect == "hash"]
        ordered = [*(change for change in changes if change not in hashes), *hashes]  # those a driver may refuse come last
        return [change for change in ordered if not change.done(machine)]

    def notes(self, machine: Machine, settings: HostSettings) -> Sequence[str]:
        """Say what a card lacks."""
        cards = _cards(machine, settings)
        found = [note for card in cards for note in card.notes]
        if any(card.queues > 1 for card in cards) and not machine.has("irqbalance"):
            found.append("irqbalance is not installed: the interrupts of several queues may meet on one core (apt install irqbalance)")
        return found

    def guard(self, machine: Machine, settings: HostSettings) -> contextlib.AbstractContextManager[None]:
        """Many drivers take the link down to change the number of queues: who answered before must answer after."""
        return guarded(machine, {})


@dataclass(frozen=True, slots=True)
class _Card:
    name: str
    queues: int
    """How many it will use."""
    settings: tuple[SetNic | SetValue, ...]
    """What it is to be set to, whether or not it is so."""
    notes: tuple[str, ...]


def _cards(machine: Machine, settings: HostSettings) -> list[_Card]:
    return [_card(machine, settings, link.name) for link in nic.below(machine, settings) if not link.kind]


def _card(machine: Machine, settings: HostSettings, name: str) -> _Card:
    cores, (now, most) = machine.cores(), nic.queues(machine, name)
    use = max(now, min(most, cores), 1)
    found: list[SetNic | SetValue] = []
    notes: list[str] = []
    if 1 < use <= cores:
        reason = f"{cores} cores, and the card has {most} queues"
        found.append(SetNic(device=name, aspect="queues", name="combined", value=str(use), reason=reason))
    if use == 1:
        notes.append(f"{name} has one queue: the kernel spreads its packets (RPS)")
        found += _steering(machine, name, cores)
    for flow in _FLOWS if settings.udp_flow_hash else ():
        if nic.flow_hash(machine, name, flow):
            found.append(SetNic(device=name, aspect="hash", name=flow, value=_FIELDS, reason=_SPREAD))
        elif use > 1:
            notes.append(f"{name} does not say what it spreads {flow} by: it cannot be changed")
    return _Card(name, use, tuple(found), tuple(notes))


def _steering(machine: Machine, name: str, cores: int) -> list[SetValue]:
    """Return the mask of all cores for a card's only queue, unless somebody has set another."""
    folder = f"/sys/class/net/{name}/queues"
    if [entry for entry in machine.names(folder) if entry.startswith("rx-")] != ["rx-0"]:
        return []
    file = f"{folder}/rx-0/rps_cpus"
    now = (machine.read(file) or "0").strip()
    every = (1 << cores) - 1
    if int(now.replace(",", ""), 16) not in {0, every}:
        return []
    digits = f"{every:0{len(now.replace(',', ''))}x}"  # as the kernel shows it: commas between 32 bits
    first = len(digits) % 8
    mask = ",".join(filter(None, [digits[:first], *(digits[at : at + 8] for at in range(first, len(digits), 8))]))
    return [SetValue(path=file, value=mask, reason="one queue is one core: the kernel can hand packets on to the others, flow by flow")]

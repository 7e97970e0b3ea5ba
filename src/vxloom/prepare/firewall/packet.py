"""One packet's way through chains of rules. Pure.

Whether a rule's conditions hold is yes, no, or not to be told (a sender's address, a rate, an extension nobody here knows); where it is
not to be told both ways are followed. The outcome is therefore a set of fates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Truth: TypeAlias = bool | None
"""None: it cannot be told."""
End: TypeAlias = Literal["accept", "drop", "ask", "notrack"]
Verdict: TypeAlias = End | Literal["return", "jump", "goto", ""]
"""``ask``: a program, or something unknown, decides; "": the next rule."""


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a flow that an ordinary peer sends to this machine, or this machine to a peer."""

    family: Literal[4, 6]
    protocol: str
    """udp or tcp."""
    port: int
    """Of its destination."""
    outward: bool = False
    device: str = ""
    """It comes in or goes out by; "": not known."""

    def __str__(self) -> str:
        """Return e.g. ``4789/udp``."""
        return f"{self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it concerns one packet."""

    text: str
    """As its tool writes it, for a person."""
    holds: Truth
    verdict: Verdict = ""
    target: str = ""
    """The chain of a jump or goto."""
    named: bool = False
    """It names this very port, so that somebody has thought of it."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What may become of the packet, and which rule says so."""

    verdict: End
    rule: str
    named: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """A chain where the packet comes by, with all chains it may jump to."""

    table: str
    """As its tool calls it: ``inet filter``, ``filter``."""
    chain: str
    policy: Literal["accept", "drop"]
    chains: Mapping[str, Sequence[Rule]] = field(repr=False)

    def fates(self) -> frozenset[Fate]:
        """Return what may become of the packet here."""
        found, falls = _walk(self.chains, self.chain, ())
        ends = {fate for fate in found if fate.verdict != "notrack"}
        return frozenset(ends | {Fate(self.policy, f"policy {self.policy}")} if falls else ends)

    def untracked_by(self) -> str:
        """Return the rule that takes the packet out of connection tracking; "" when there is none."""
        found, _ = _walk(self.chains, self.chain, ())
        return min((fate.rule for fate in found if fate.verdict == "notrack"), default="")


def _walk(chains: Mapping[str, Sequence[Rule]], name: str, way: tuple[str, ...]) -> tuple[set[Fate], bool]:
    """Return the fates met in a chain, and whether the packet may come out at its end."""
    found: set[Fate] = set()
    may_leave = False
    for rule in chains.get(name, ()):
        ends, leaves = _met(chains, rule, (*way, name))
        found |= ends
        if rule.holds is True and leaves is not None:
            return found, may_leave or leaves
        may_leave = may_leave or (leaves or False)
    return found, True


def _met(chains: Mapping[str, Sequence[Rule]], rule: Rule, way: tuple[str, ...]) -> tuple[set[Fate], bool | None]:
    """Return the fates a rule brings when it holds, and whether the packet then leaves its chain alive; None: the next rule is asked."""
    if rule.holds is False or not rule.verdict:
        return set(), None
    if rule.verdict == "return":
        return set(), True
    if rule.verdict == "jump" or rule.verdict == "goto":  # noqa: PLR1714 - mypy narrows this one
        inside, falls = _walk(chains, rule.target, way) if rule.target not in way else (set(), True)
        return inside, falls if rule.verdict == "goto" or not falls else None
    return {Fate(rule.verdict, rule.text, rule.named)}, None if rule.verdict == "notrack" else False


def all_of(truths: Sequence[Truth]) -> Truth:
    """Tell whether all conditions hold."""
    if any(truth is False for truth in truths):
        return False
    return None if any(truth is None for truth in truths) else True


def negated(truth: Truth) -> Truth:
    """Return the opposite; what cannot be told stays so."""
    return None if truth is None else not truth

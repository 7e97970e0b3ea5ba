"""Where a machine goes: one pure function, the only one that decides it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vxloom.errors import RequestError
from vxloom.store import records


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host of the zone, as placement sees it."""

    host: records.Host
    live: bool
    """It has a stream."""
    machines: int
    """How many machines are bound to it."""
    closed: str = ""
    """Why nothing new goes there unless somebody names it: its cluster or pod is disabled."""
    strained: str = ""
    """Why it is the last choice: its hardware is in trouble, or a path of its carries too little."""
    narrow: str = ""
    """Why it is no choice at all: the same, where that is refused."""


def place(
    candidates: Iterable[Candidate],
    *,
    tags: str | None = None,
    wanted: str | None = None,
    avoid: frozenset[str] = frozenset(),
    last: str | None = None,
    kind: str | None = None,
) -> records.Host:
    """Return the host a machine goes to: the one asked for, else where it was last, else the emptiest (lowest number among equals).

    A host whose hardware is in trouble is taken only when there is no other, even if the machine was there last.
    ``tags``: comma list every host must have; ``avoid``: ids of hosts out of the question; ``kind``: the hypervisor it must be of.
    Raises :class:`RequestError` 533 when none fits, saying why each does not.
    """
    reasons: dict[str, str] = {}
    fit: list[Candidate] = []
    for candidate in candidates:
        host = candidate.host
        if wanted not in {None, host.id}:
            continue
        reason = obstacle(candidate, tags=tags, avoid=avoid, kind=kind) or ("" if wanted else candidate.closed)
        if reason:
            reasons[host.name] = reason
        else:
            fit.append(candidate)
    if not fit:
        why = "; ".join(f"{name} {reason}" for name, reason in sorted(reasons.items())[:10]) or "there is no host in the zone"
        raise RequestError(
            f"Unable to create a deployment for the instance: {why}",
            code=533,
            cs_code=4370,
            remedy="see listHosts; a new host joins with createHostJoinToken",
        )
    return min(fit, key=lambda c: (bool(c.strained), c.host.id != last, c.machines, c.host.number)).host


def obstacle(candidate: Candidate, *, tags: str | None, avoid: frozenset[str], kind: str | None) -> str:
    """Return why a machine cannot go to a host, "" if it can."""
    host = candidate.host
    if kind not in {None, host.hypervisor}:
        return f"is a {host.hypervisor} host, the instance is for {kind}"
    if host.id in avoid:
        return "is where it is now"
    if host.resource_state != "Enabled":
        return f"is {host.resource_state}"
    if not candidate.live:
        return "is not connected"
    if candidate.narrow:
        return f"is not connected well enough: {candidate.narrow}"
    missing = _split(tags) - _split(host.tags)
    return f"lacks the host tag {', '.join(sorted(missing))}" if missing else ""


def _split(tags: str | None) -> set[str]:
    return {tag.strip() for tag in (tags or "").split(",") if tag.strip()}

"""The machine's own firewall: whether tunnels' packets pass it, and whether it keeps a record of each of their flows."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.firewall import walls
from vxloom.prepare.firewall.walls import Seen, Wall
from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_PASSES = Subject("firewall", "lets tunnels in and out", "RFC 7348", impact=8)
_TRACKED = Subject("conntrack of tunnel traffic", "not tracked", "nf_conntrack", impact=4, required=False)
_STEP = "vxloom host apply --only firewall"


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about the firewall."""
    try:
        seen = walls.look(machine, settings)
    except PrepareError as error:
        return [_PASSES.uncertain("it cannot be told", str(error)), _TRACKED.not_applicable("the firewall's rules cannot be read")]
    if not seen.looked_at:
        why = "neither nft nor iptables is installed: no rule can be seen"
        return [_PASSES.uncertain("it cannot be told", why), _TRACKED.not_applicable(why)]
    return [_passes(seen), _tracked(seen)]


def _passes(seen: Seen) -> Requirement:
    stopping = [wall for wall in seen.walls if wall.stops]
    doubtful = [wall for wall in seen.walls if not wall.stops and not wall.admits]
    if stopping:
        return _PASSES.judged(False, _told(stopping, "stops"), f"{_STEP}, or by hand where it says so")
    if doubtful:
        return _PASSES.uncertain(
            f"it cannot be told: {_told(doubtful, 'may stop')}", f"{_STEP} adds a permit where a known tool keeps the rules"
        )
    some = sorted({wall.admits for wall in seen.walls if wall.admits})
    return _PASSES.judged(
        True, f"passes for those that a rule names: {'; '.join(some)}" if some else f"passes ({', '.join(seen.looked_at)})"
    )


def _told(stopping: Sequence[Wall], verb: str) -> str:
    each = [f"{wall.where} {verb} {wall.packet}{' going out' if wall.packet.outward else ''} ({wall.because})" for wall in stopping]
    return ", ".join(dict.fromkeys(each))


def _tracked(seen: Seen) -> Requirement:
    if seen.untracked_by:
        return _TRACKED.judged(True, f"exempt: {seen.untracked_by}")
    if not seen.tracks:
        return _TRACKED.judged(True, "no rule here wants connections tracked")
    remedy = "each flow between guests takes an entry; when the table is full packets are dropped: vxloom's agent exempts its tunnels"
    return _TRACKED.judged(False, "tracked", remedy)

"""What a word changes, and what a round has looked at. Pure."""

from __future__ import annotations

from vxloom.agent.reconcile import Round
from vxloom.model.host import HostDocument, decode_ports
from vxloom.model.state import Stray, bridge_name
from vxloom.planner.plan import Scope


def covers(scope: Scope, other: Scope) -> bool:
    """Tell whether what was found wrong in ``other`` was looked at again in ``scope``: all of its segments, or all of its taps."""
    if scope.vnis is None or other.vnis is None:
        return scope.vnis is None
    return other.vnis <= scope.vnis and (bool(other.vnis) or other.taps <= scope.taps)


def strays_now(known: frozenset[Stray], result: Round) -> frozenset[Stray]:
    """Return the strays after a round: what it saw, and those on bridges it did not look at."""
    if result.scope.vnis is None:
        return frozenset(result.strays)
    looked_at = {bridge_name(vni) for vni in result.scope.vnis}
    return frozenset(each for each in known if each.bridge not in looked_at).union(result.strays)


def document_changes(before: HostDocument | None, after: HostDocument | None) -> tuple[set[int], set[str]]:
    """Return the VNIs and taps whose ports or presence differ between two documents."""
    old = {port.nic: port for port in decode_ports(before)[0]} if before else {}
    new = {port.nic: port for port in decode_ports(after)[0]} if after else {}
    vnis = {need.vni for need in before.segments} if before else set()
    vnis ^= {need.vni for need in after.segments} if after else set()
    taps: set[str] = set()
    for nic in old.keys() | new.keys():
        if old.get(nic) != new.get(nic):
            ports = [port for port in (old.get(nic), new.get(nic)) if port]
            vnis |= {port.vni for port in ports}
            taps |= {port.tap for port in ports}
    if before and after and _of_all_ports(before) != _of_all_ports(after):
        vnis |= {need.vni for need in after.segments}
    return vnis, taps


def _of_all_ports(document: HostDocument) -> tuple[object, ...]:
    """Return what of a document concerns every segment of the host."""
    return document.vtep, document.udp_port, document.df, document.storm_limit

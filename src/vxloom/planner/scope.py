"""Which resources a scope means. A scope speaks of VNIs and taps; resources are known by their keys."""

from __future__ import annotations

from vxloom.model.state import AllowList, Bridge, HostState, Key, PortFilter, Tap, VxlanDevice, bridge_name, vxlan_name
from vxloom.planner.plan import Scope


def widen(scope: Scope, desired: HostState) -> Scope:
    """Return the scope with the taps of its VNIs and the VNIs of its taps: what must be looked at together.

    A bridge made again needs its taps attached again; a tap needs its bridge. Call it before ``observe``.
    """
    if scope.vnis is None:
        return scope
    taps, vnis = set(scope.taps), set(scope.vnis)
    bridges = {bridge_name(vni): vni for vni in scope.vnis}
    for resource in desired.resources.values():
        if not isinstance(resource, Tap):
            continue
        if resource.bridge in bridges:
            taps.add(resource.name)
        elif resource.name in scope.taps:
            bridge = desired.resources.get((Bridge.kind, resource.bridge))
            if isinstance(bridge, Bridge):
                vnis.add(bridge.vni)
    return Scope(frozenset(vnis), frozenset(taps))


def keys(scope: Scope) -> frozenset[Key] | None:
    """Return the keys a scope covers, None for all. The two nftables tables belong to no VNI: only a look at everything covers them."""
    if scope.vnis is None:
        return None
    segments = {key for vni in scope.vnis for key in ((Bridge.kind, bridge_name(vni)), (VxlanDevice.kind, vxlan_name(vni)))}
    segments |= {(AllowList.kind, str(vni)) for vni in scope.vnis}
    taps = {key for tap in scope.taps for key in ((Tap.kind, tap), (PortFilter.kind, tap))}
    return frozenset(segments | taps)

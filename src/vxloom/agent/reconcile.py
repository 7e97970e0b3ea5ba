"""One round: make what is wanted true in one part of this host, and read it back.

Save first (so that a crash never forgets what the kernel was told), guests' taps, compile, observe, diff, brake, apply,
observe again, compare, and only then remove guests whose ports are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from vxloom.agent.held import Word
from vxloom.compiler import admit, compile_host
from vxloom.dataplane.driver import Driver
from vxloom.hypervisor.source import Plug, Source
from vxloom.model.host import HostDocument, PortDocument, RefusedPort, encode_port
from vxloom.model.intent import GuestSource
from vxloom.model.segment import SegmentTable
from vxloom.model.state import Bridge, FilterTable, HostState, PortFilter, Stray, Tap, VxlanDevice, bridge_name, vxlan_name
from vxloom.planner import diff
from vxloom.planner.plan import ALL, Outcome, Plan, ResourceStep, RowsStep, Scope

Admitted = tuple[tuple[PortDocument, ...], tuple[RefusedPort, ...]]
BRAKE_FLOOR = 10
"""Fewer withdrawn ports than this never wait for a person: on a small host one VM is already 20 %."""


@dataclass(frozen=True, slots=True)
class Target:
    """What one host is to be, and what may be done to get there."""

    word: Word = field(default_factory=Word)
    prune: bool = True
    released: bool = False
    """A person let a plan beyond the brake's share pass."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found and did."""

    scope: Scope
    plan: Plan
    outcome: Outcome
    verified: bool
    braked: str = ""
    problems: tuple[str, ...] = ()
    plugs: tuple[Plug, ...] = ()
    absent_segments: tuple[int, ...] = ()
    absent_ports: tuple[str, ...] = ()
    leftovers: int = 0
    """Links of ours that only pruning would remove (counted when pruning is not allowed)."""
    strays: tuple[Stray, ...] = ()


class Reconciler:
    """Runs rounds over one driver and its guest sources; owned by one thread."""

    def __init__(self, driver: Driver, sources: Mapping[GuestSource, Source]) -> None:
        self._driver = driver
        self._sources = sources
        self._plugged: dict[str, tuple[PortDocument, Plug]] = {}
        self._filters_stand = False
        self._read: tuple[HostDocument | None, Admitted] = (None, ((), ()))
        self._compiled_from: tuple[HostDocument | None, Mapping[int, SegmentTable]] = (None, {})
        self._compiled_state = HostState()

    def plan(self, target: Target, scope: Scope) -> tuple[Plan, HostState, HostState, tuple[RefusedPort, ...]]:
        """Return what would be done (plan, desired, observed, refused ports), doing nothing."""
        scope = self.widened(target, scope)
        document, refused = self._document(target, scope)
        desired = self._compiled(document, target.word.tables) if document else HostState()
        observed = self._driver.observe(scope)
        return diff(desired, observed, prune=target.prune, scope=scope), desired, observed, refused

    def counters(self) -> dict[str, int]:
        """Return frames dropped on this host, by reason. Raises ``DataplaneError``."""
        return self._driver.counters()

    def run(self, target: Target, scope: Scope, overtake: Callable[[Scope], None] | None = None) -> Round:
        """Carry one round out; ``overtake`` is called between chunks of long work with what that work touches.

        Raises ``DataplaneError`` if the host cannot be observed at all.
        """
        # The filter table belongs to no segment, only to a host that has one: its coming and going needs a look at everything.
        scope = self.widened(target, scope) if self._filters_stand == _has_segments(target) else ALL
        plugs = self._plug(target, scope)
        plan, desired, observed, refused = self.plan(target, scope)
        braked = brake(plan, target, desired, observed)
        if braked:
            plan = diff(desired, observed, prune=False, scope=scope)
        urgent = partial(overtake, touched(plan)) if overtake else None
        outcome = self._driver.apply(plan, urgent) if plan else Outcome()
        final = self._driver.observe(scope) if plan else observed
        rest = diff(desired, final, prune=target.prune and not braked, scope=scope) if plan else plan
        gone = self._unplug(target) if target.prune and not braked else ()
        if scope.everything:
            self._filters_stand = any(kind == FilterTable.kind for kind, _ in final.resources)
        problems = [f"{plan.steps[i].key[1]}: {error}" for i, error in outcome.failed.items()]
        problems += [f"port {port.nic} refused: {port.reason}" for port in refused]
        problems += [f"{o.resource[1]} waits: {o.slot[1]} is held by {o.holder.name} ({o.holder.detail})" for o in plan.obstacles]
        problems += [plug.problem for plug in plugs if plug.problem]
        problems += [braked] if braked else []
        segments, ports = _absent(target, final, gone) if target.prune and not braked else ((), ())
        leftovers = 0 if target.prune else len(diff(desired, final, prune=True, scope=scope).steps)
        return Round(scope, plan, outcome, not rest.steps, braked, tuple(problems), plugs, segments, ports, leftovers, final.strays)

    def widened(self, target: Target, scope: Scope) -> Scope:
        """Return the scope with the segments of its taps and all taps of its segments: what must be looked at together."""
        if scope.vnis is None:
            return scope
        ports = [self._tapped(port) for port in self._admitted(target)[0]]
        vnis = scope.vnis | {port.vni for port in ports if port.tap in scope.taps}
        return Scope(vnis, scope.taps | {port.tap for port in ports if port.vni in vnis})

    def _compiled(self, document: HostDocument, tables: Mapping[int, SegmentTable]) -> HostState:
        """Return what is to stand; the same word is compiled once, not at every look. Tables are frozen: the same object says the same."""
        before, known = self._compiled_from
        same = document == before and all(known.get(need.vni) is tables.get(need.vni) for need in document.segments)
        if not same:
            self._compiled_state = compile_host(document, tables)
            self._compiled_from = (document, dict(tables))
        return self._compiled_state

    def _document(self, target: Target, scope: Scope) -> tuple[HostDocument | None, tuple[RefusedPort, ...]]:
        """Return the part of the document in scope, each port with its real tap."""
        document = target.word.document
        if document is None:
            return None, ()
        ports, refused = self._admitted(target)
        chosen = [encode_port(self._tapped(port)) for port in ports if _inside(port, scope)]
        segments = tuple(need for need in document.segments if scope.vnis is None or need.vni in scope.vnis)
        return msgspec.structs.replace(document, ports=tuple(chosen), segments=segments), refused

    def _admitted(self, target: Target) -> Admitted:
        """Return the ports to bind and those refused; a document is read once, not in every round."""
        document = target.word.document
        if document is not self._read[0]:
            self._read = (document, admit(document) if document else ((), ()))
        return self._read[1]

    def _tapped(self, port: PortDocument) -> PortDocument:
        known = self._plugged.get(port.nic)
        return msgspec.structs.replace(port, tap=known[1].tap) if known else port

    def _plug(self, target: Target, scope: Scope) -> tuple[Plug, ...]:
        """See that every port in scope has its tap; ports already plugged the same way are not asked about again."""
        document = target.word.document
        if document is None:
            return ()
        mtus = {vni: table.head.mtu for vni, table in target.word.tables.items()}
        asked: dict[GuestSource, list[PortDocument]] = {}
        for port in self._admitted(target)[0]:
            known = self._plugged.get(port.nic)
            stands = known and known[0] == port and known[1].state != "absent" and Path(f"/sys/class/net/{known[1].tap}").exists()
            if _inside(port, scope) and not stands:
                asked.setdefault(port.source, []).append(port)
        for kind, ports in asked.items():
            self._ask(kind, ports, mtus)
        return tuple(plug for _, plug in self._plugged.values())

    def _ask(self, kind: GuestSource, ports: Sequence[PortDocument], mtus: dict[int, int]) -> None:
        source = self._sources.get(kind)
        by_nic = {port.nic: port for port in ports}
        if source is None:
            text = f"this host runs no {kind} guests"
            plugs: Sequence[Plug] = [Plug(port.nic, port.tap, "absent", text) for port in ports]
        else:
            plugs = source.ensure(ports, mtus)
        for plug in plugs:
            self._plugged[plug.nic] = (by_nic[plug.nic], plug)

    def _unplug(self, target: Target) -> tuple[str, ...]:
        """Remove guests whose ports are gone from the document; their taps are detached by now."""
        ports = self._admitted(target)[0]
        here = {port.nic for port in ports}
        stale = [nic for nic in self._plugged if nic not in here]
        for nic in stale:
            del self._plugged[nic]
        gone: list[str] = []
        for kind, source in self._sources.items():
            gone += source.remove([port for port in ports if port.source is kind], prune=True)
        return tuple({*stale, *gone})


def stray_text(stray: Stray) -> str:
    """Return what is told of a port on a bridge of ours that nobody asked for, and what to do about it."""
    return f"port {stray.name} on {stray.bridge} belongs to no NIC: locked, nothing passes; take it off: ip link set {stray.name} nomaster"


def touched(plan: Plan) -> Scope:
    """Return the segments and taps a plan changes."""
    vnis: set[int] = set()
    taps: set[str] = set()
    for step in plan.steps:
        resource = (step.after or step.before) if isinstance(step, ResourceStep) else None
        match resource or step:
            case Bridge(vni=vni) | VxlanDevice(vni=vni) | RowsStep(vni=vni):
                vnis.add(vni)
            case Tap(name=name, bridge=bridge):
                taps.add(name)
                vnis.add(int(bridge.removeprefix(bridge_name(0)[:-1])))
            case PortFilter(tap=name):
                taps.add(name)
            case FilterTable():
                return ALL
    return Scope(frozenset(vnis), frozenset(taps))


def _has_segments(target: Target) -> bool:
    return target.word.document is not None and bool(target.word.document.segments)


def brake(plan: Plan, target: Target, desired: HostState, observed: HostState) -> str:
    """Return why a plan must wait for a person (law 6), or nothing."""
    bound = sum(1 for kind, _ in observed.resources if kind == "tap")
    share = target.word.document.removal_share if target.word.document else 0.0
    count = len(plan.withdrawn)
    if target.released or count < BRAKE_FLOOR or count <= share * bound:
        return ""
    return f"{count} of {bound} ports would be withdrawn at once, more than {share:.0%}: confirm with `vxloom host confirm`"


def _inside(port: PortDocument, scope: Scope) -> bool:
    return scope.vnis is None or port.vni in scope.vnis or port.tap in scope.taps


def _absent(target: Target, final: HostState, gone: Sequence[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return tombstones of which nothing is left: VNIs without a link of ours, NICs without tap, filter and guest."""
    document = target.word.document
    if document is None:
        return (), ()
    segments = tuple(
        vni
        for vni in document.gone_segments
        if ("bridge", bridge_name(vni)) not in final.resources and ("vxlan", vxlan_name(vni)) not in final.resources
    )
    return segments, document.gone_ports


def merge(scopes: Sequence[Scope]) -> Scope:
    """Return the scope that covers all of them."""
    result = Scope(frozenset())
    for scope in scopes:
        if scope.everything:
            return Scope()
        result = replace(result, vnis=(result.vnis or frozenset()) | (scope.vnis or frozenset()), taps=result.taps | scope.taps)
    return result

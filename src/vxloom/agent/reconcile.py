"""One round: make what is wanted true in one part of this host, and read it back.

Save first (so that a crash never forgets what the kernel was told), guests' taps, compile, observe, diff, brake, apply,
observe again, compare, and only then remove guests whose ports are gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from socket import if_nametoindex

import msgspec

from vxloom.agent.held import Word
from vxloom.compiler import admit, compile_host
from vxloom.dataplane.driver import Driver
from vxloom.hypervisor.source import Plug, Source
from vxloom.model.host import HostDocument, PortDocument, PortSecurity, RefusedPort, encode_port
from vxloom.model.intent import GuestSource
from vxloom.model.segment import SegmentTable
from vxloom.model.state import (
    AllowList,
    AllowTable,
    Bridge,
    FilterTable,
    HostState,
    Key,
    PortFilter,
    Stray,
    Tap,
    VxlanDevice,
    bridge_name,
    vxlan_name,
)
from vxloom.planner import diff
from vxloom.planner.plan import ALL, Outcome, Plan, QuarantineStep, ResourceStep, RowsStep, Scope

NOTHING = Scope(frozenset())
TABLES = frozenset({FilterTable.kind, AllowTable.kind})
"""What belongs to no segment, only to a host that has one."""
Admitted = tuple[tuple[PortDocument, ...], tuple[RefusedPort, ...]]
BRAKE_FLOOR = 10
"""Fewer withdrawn ports than this never wait for a person: on a small host one VM is already 20 %.

What is counted is what one word of the server withdraws, not what many words withdraw in a row: each of those is an order
of somebody, with a tombstone and an event of its own, and a host must be emptied without asking at every tenth machine.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What one host is to be, and what may be done to get there."""

    word: Word = field(default_factory=Word)
    prune: bool = True
    released: bool = False
    """A person let a plan beyond the brake's share pass."""

    @property
    def may_prune(self) -> bool:
        """Whether anything may be withdrawn: never without a word that says what is to stay."""
        return self.prune and self.word.document is not None


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
    refused: tuple[str, ...] = ()
    """Ports of the whole host that must not be bound, as text."""
    failing: Scope | None = None
    """What is not as wanted, None if the round did not get far enough to know."""


@dataclass(frozen=True, slots=True)
class _Plugged:
    """What a source was asked, what it answered, and the device it meant (0: none)."""

    port: PortDocument
    mtu: int
    plug: Plug
    index: int


class Reconciler:
    """Runs rounds over one driver and its guest sources; owned by one thread."""

    def __init__(self, driver: Driver, sources: Mapping[GuestSource, Source]) -> None:
        self._driver = driver
        self._sources = sources
        self._plugged: dict[str, _Plugged] = {}
        self._tables: frozenset[str] = frozenset()
        """Those of :data:`TABLES` that stand."""
        self._latest = Target()
        """The target of the newest round: one that overtook knows more than the one it interrupted."""
        self._braked = ""
        self._read: tuple[HostDocument | None, Admitted] = (None, ((), ()))
        self._compiled_from: tuple[HostDocument | None, Mapping[int, SegmentTable]] = (None, {})
        self._compiled_state = HostState()

    def plan(self, target: Target, scope: Scope) -> tuple[Plan, HostState, HostState, tuple[RefusedPort, ...]]:
        """Return what would be done (plan, desired, observed, refused ports), doing nothing."""
        scope = self.widened(target, scope)
        document, refused = self._document(target, scope)
        desired = self._compiled(document, target.word.tables) if document else HostState()
        observed = self._driver.observe(scope)
        return diff(desired, observed, prune=target.may_prune, scope=scope), desired, observed, refused

    def counters(self) -> dict[str, int]:
        """Return frames dropped on this host, by reason. Raises ``DataplaneError``."""
        return self._driver.counters()

    def run(self, target: Target, scope: Scope, overtake: Callable[[Scope], None] | None = None) -> Round:
        """Carry one round out; ``overtake`` is called between chunks of long work with what that work touches.

        Raises ``DataplaneError`` if the host cannot be observed at all.
        """
        self._latest = target
        scope = self._looked_at(target, scope)
        self.plug(target, scope)
        scope = self.widened(target, scope)  # by the names of taps that were just found
        plan, desired, observed, refused = self.plan(target, scope)
        braked = self._braked = self._brake(plan, target, observed)
        prune = target.may_prune and not braked
        if braked:
            plan = diff(desired, observed, prune=False, scope=scope)
        urgent = partial(overtake, touched(plan)) if overtake else None
        outcome = self._driver.apply(plan, urgent) if plan else Outcome()
        final = self._driver.reread(plan, observed, scope) if plan else observed
        rest = diff(desired, final, prune=prune, scope=scope) if plan else plan
        self._unplug()
        if scope.everything:
            self._tables = TABLES & {kind for kind, _ in final.resources}
        plugs = tuple(known.plug for known in self._plugged.values())
        failing = self._failing(target, scope, rest)
        return Round(
            scope,
            plan,
            outcome,
            failing == NOTHING,
            braked,
            (*_problems(plan, outcome), *filter(None, [braked])),
            plugs,
            *(_absent(target, final) if prune else ((), ())),
            leftovers=0 if target.prune else len(diff(desired, final, prune=True, scope=scope).steps),
            strays=final.strays,
            refused=tuple(f"port {port.nic} refused: {port.reason}" for port in refused),
            failing=failing,
        )

    def _looked_at(self, target: Target, scope: Scope) -> Scope:
        """Return the scope a round looks at.

        The coming and going of a table that belongs to no segment needs a look at everything. So does what is braked: in parts it
        would pass.
        """
        if self._braked or self._tables != (TABLES if _has_segments(target) else frozenset()):
            return ALL
        return self.widened(target, scope)

    def _brake(self, plan: Plan, target: Target, observed: HostState) -> str:
        """Return why a plan must wait for a person (law 6), or nothing. Counts the host's ports, also those out of scope."""
        document = target.word.document
        if document is None or not target.prune or target.released:
            return ""
        here = {port.nic for port in self._admitted(target)[0]}
        plugged = {nic for nic, known in self._plugged.items() if known.plug.state != "absent"}
        bound = max(sum(1 for kind, _ in observed.resources if kind == Tap.kind), len(plugged))
        return brake(max(len(plan.withdrawn), len(plugged - here)), bound, document.removal_share)

    def _failing(self, target: Target, scope: Scope, rest: Plan) -> Scope:
        """Return what is not as wanted after a round: steps still to do, what waits for an obstacle, guests not plugged in."""
        names = {nic for nic, known in self._plugged.items() if known.plug.problem and _inside(known.port, scope)}
        ports = [port for port in self._admitted(target)[0] if port.nic in names]
        unplugged = Scope(frozenset(port.vni for port in ports), frozenset(port.tap for port in ports))
        return self.widened(target, merge([touched(rest), obstructed(rest), unplugged]))

    def widened(self, target: Target, scope: Scope) -> Scope:
        """Return the scope with the segments of its taps and all taps of its segments: what must be looked at together.

        A link nobody knows may be a tap that is waited for: it is told by its MAC, not by its name.
        """
        if scope.vnis is None:
            return scope
        ports = [self._tapped(port) for port in self._admitted(target)[0]]
        vnis = scope.vnis | {port.vni for port in ports if port.tap in scope.taps}
        if scope.taps - {port.tap for port in ports}:
            vnis |= {port.vni for port in ports if self._awaited(port)}
        return Scope(vnis, scope.taps | {port.tap for port in ports if port.vni in vnis})

    def _awaited(self, port: PortDocument) -> bool:
        known = self._plugged.get(port.nic)
        return port.source is GuestSource.EXTERNAL and (known is None or known.plug.state == "absent")

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
        return msgspec.structs.replace(port, tap=known.plug.tap) if known else port

    def plug(self, target: Target, scope: Scope) -> None:
        """See that every port in scope has its tap; ports already plugged the same way are not asked about again.

        A round begins with it. Who only plans calls it with sources that make nothing, to know taps by the names they have here.
        """
        if target.word.document is None:
            return
        mtus = {vni: table.head.mtu for vni, table in target.word.tables.items()}
        asked: dict[GuestSource, list[PortDocument]] = {}
        for port in self._admitted(target)[0]:
            if _inside(port, scope) and not self._stands(port, mtus.get(port.vni, 0)):
                asked.setdefault(port.source, []).append(port)
        for kind, ports in asked.items():
            self._ask(kind, ports, mtus)

    def _stands(self, port: PortDocument, mtu: int) -> bool:
        """Tell whether a port is plugged in as asked for, by the device that its source answered with."""
        known = self._plugged.get(port.nic)
        if known is None or (_asked(known.port), known.mtu) != (_asked(port), mtu) or known.plug.problem or known.plug.state == "absent":
            return False
        return known.index != 0 and known.index == _index(known.plug.tap)

    def _ask(self, kind: GuestSource, ports: Sequence[PortDocument], mtus: dict[int, int]) -> None:
        source = self._sources.get(kind)
        by_nic = {port.nic: port for port in ports}
        if source is None:
            text = f"this host runs no {kind} guests"
            plugs: Sequence[Plug] = [Plug(port.nic, port.tap, "absent", text) for port in ports]
        else:
            plugs = source.ensure(ports, mtus)
        for plug in plugs:
            port = by_nic[plug.nic]
            self._plugged[plug.nic] = _Plugged(port, mtus.get(port.vni, 0), plug, _index(plug.tap))

    def _unplug(self) -> None:
        """Remove guests whose ports are gone from the newest document; their taps are detached by now.

        The newest, not this round's: a round that overtook it may have plugged guests in that it never heard of.
        """
        if self._braked or not self._latest.may_prune:
            return
        ports = self._admitted(self._latest)[0]
        for nic in self._plugged.keys() - {port.nic for port in ports}:
            del self._plugged[nic]
        for kind, source in self._sources.items():
            source.remove([port for port in ports if port.source is kind], prune=True)


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
            case Bridge(vni=vni) | VxlanDevice(vni=vni) | AllowList(vni=vni) | RowsStep(vni=vni):
                vnis.add(vni)
            case Tap(name=name, bridge=""):  # taken off its bridge by other hands
                taps.add(name)
            case Tap(name=name, bridge=bridge):
                taps.add(name)
                vnis.add(int(bridge.removeprefix(bridge_name(0)[:-1])))
            case PortFilter(tap=name):
                taps.add(name)
            case QuarantineStep(name=name, bridge=bridge):
                taps.add(name)
                vnis.add(int(bridge.removeprefix(bridge_name(0)[:-1])))
            case FilterTable() | AllowTable():
                return ALL
    return Scope(frozenset(vnis), frozenset(taps))


def obstructed(plan: Plan) -> Scope:
    """Return the segments and taps that wait because something foreign holds what they need."""
    keys = [obstacle.resource for obstacle in plan.obstacles]
    vnis = (re.sub(r"\D", "", name) for kind, name in keys if kind in {Bridge.kind, VxlanDevice.kind})
    return Scope(frozenset(map(int, vnis)), frozenset(name for kind, name in keys if kind in {Tap.kind, PortFilter.kind}))


def _asked(port: PortDocument) -> PortDocument:
    """Return what of a port concerns its guest: not what it may say, nor who holds what it shares. A flip must not wait for a guest."""
    return msgspec.structs.replace(port, sequence=0, security=PortSecurity(()), shared=(), held=())


def _has_segments(target: Target) -> bool:
    return target.word.document is not None and bool(target.word.document.segments)


def brake(count: int, bound: int, share: float) -> str:
    """Return why ``count`` of ``bound`` ports must not be withdrawn without a person (law 6), or nothing."""
    if count < BRAKE_FLOOR or count <= share * bound:
        return ""
    return f"{count} of {bound} ports would be withdrawn at once, more than {share:.0%}: confirm with `vxloom host confirm`"


def _problems(plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    failed = [f"{plan.steps[i].key[1]}: {error}" for i, error in outcome.failed.items()]
    waiting = [f"{o.resource[1]} waits: {o.slot[1]} is held by {o.holder.name} ({o.holder.detail})" for o in plan.obstacles]
    return (*failed, *waiting)


def _index(name: str) -> int:
    """Return a link's index, 0 when there is none of that name."""
    try:
        return if_nametoindex(name)
    except OSError:
        return 0


def _inside(port: PortDocument, scope: Scope) -> bool:
    return scope.vnis is None or port.vni in scope.vnis or port.tap in scope.taps


def _absent(target: Target, final: HostState) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return tombstones of which nothing is left: VNIs without a link or list of ours, NICs without tap, filter, guest.

    (Else the round is not verified.)
    """
    document = target.word.document
    if document is None:
        return (), ()
    left = final.resources.keys()
    segments = tuple(vni for vni in document.gone_segments if left.isdisjoint(_of_segment(vni)))
    return segments, document.gone_ports


def _of_segment(vni: int) -> tuple[Key, ...]:
    return (Bridge.kind, bridge_name(vni)), (VxlanDevice.kind, vxlan_name(vni)), (AllowList.kind, str(vni))


def merge(scopes: Sequence[Scope]) -> Scope:
    """Return the scope that covers all of them."""
    result = Scope(frozenset())
    for scope in scopes:
        if scope.everything:
            return Scope()
        result = replace(result, vnis=(result.vnis or frozenset()) | (scope.vnis or frozenset()), taps=result.taps | scope.taps)
    return result

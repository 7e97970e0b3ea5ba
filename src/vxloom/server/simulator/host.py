"""One simulated host: what it was told, its kernel, and the rounds that make the one agree with the other. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vxloom.compiler.host import admit, compile_host
from vxloom.dataplane.simulated import SimulatedDriver, SimulatedKernel
from vxloom.errors import StateError
from vxloom.model.hardware import Hardware
from vxloom.model.host import HostDocument, PortDocument, RefusedPort, encode_port
from vxloom.model.segment import SegmentTable, apply
from vxloom.model.state import Bridge, HostState, VxlanDevice, bridge_name, vxlan_name
from vxloom.model.wire import (
    Ack,
    Answer,
    Ask,
    Beat,
    Current,
    Delta,
    Document,
    FromAgent,
    GuestReport,
    Report,
    SegmentWanted,
    Table,
    decode_from_gateway,
    delta_of,
    table_of,
)
from vxloom.planner import diff, render
from vxloom.planner.plan import ALL, Plan, Scope

LABEL = "# a simulated host: its kernel is in the server's memory, and no frame flows"
_NOTHING = Scope(frozenset())
_Ports = Mapping[str, PortDocument]


class SimulatedHost:
    """A host in memory. One thread at a time.

    It begins empty, as a hypervisor after a boot whose agent lost its state; nothing here is worth holding back a deletion for (law 6), so
    it takes every word as it is.
    """

    def __init__(self, epoch: str) -> None:
        self.kernel = SimulatedKernel()
        self.failing = False
        """The last round left something undone; the next sign of life tries again."""
        self.hardware: Hardware | None = None
        """What its hardware is to say; told with the next sign of life. Tests give it."""
        self._shown: Hardware | None = None
        self._driver = SimulatedDriver(self.kernel)
        self._epoch = epoch
        self._document: HostDocument | None = None
        self._ports: _Ports = {}
        self._refused: tuple[RefusedPort, ...] = ()
        self._tables: dict[int, SegmentTable] = {}
        self._scope = ALL
        """Where the kernel may differ from what was told."""
        self._told: dict[int, int] = {}
        """VNI → revision last acknowledged."""
        self._said: int | None = None
        """Revision of the document last acknowledged on this stream, None while that is still to be said."""

    @property
    def waiting(self) -> bool:
        """Whether a sign of life is of use: there is something to try again, or something to tell."""
        return self.failing or self.hardware is not self._shown

    def known(self) -> dict[int, tuple[int, int]]:
        """Return VNI → (revision, digest) of the tables held, as a greeting says it. What is acknowledged begins anew with it."""
        self._told, self._said, self._shown = {}, None, None
        return {vni: (table.revision, table.digest(self._epoch)) for vni, table in self._tables.items()}

    def received(self, body: bytes) -> list[FromAgent]:
        """Take one message of the stream (without its length) and return what is said to it.

        Raises :class:`StateError` on one that cannot be read.
        """
        match decode_from_gateway(body):
            case Document(document):
                self._take(document)
            case (Table() | Delta()) as message:
                return self._take_table(message)
            case Current():
                return self._round()
            case Beat() if self.failing:
                return self._round()
            case Beat() if self.hardware is not self._shown:
                return [self._report()]
            case Ask(id=number):
                return [Answer(number, msgspec.json.encode(self._answer()))]
            case _:  # Beat, Confirm, Welcome…: nothing to do
                pass
        return []

    def _take(self, document: HostDocument) -> None:
        """Take the document; what of the host it changes is looked at in the next round."""
        before, needed = self._ports, self._segments()
        ports, self._refused = admit(document)
        self._document, self._ports = document, {port.nic: port for port in ports}
        self._said = None  # a word is acknowledged even if it says nothing new
        now = self._segments()
        self._tables = {vni: table for vni, table in self._tables.items() if vni in now}
        changed = {nic for nic in before.keys() | self._ports.keys() if before.get(nic) != self._ports.get(nic)}
        places = [port for known in (before, self._ports) for nic, port in known.items() if nic in changed]
        self._add(Scope(needed ^ now | {port.vni for port in places}, frozenset(port.tap for port in places)))
        # The filter table belongs to no segment, only to a host that has one: its coming and going needs a look at everything.
        if bool(needed) != bool(now):
            self._scope = ALL

    def _segments(self) -> frozenset[int]:
        return frozenset(need.vni for need in self._document.segments) if self._document else frozenset()

    def _take_table(self, message: Table | Delta) -> list[FromAgent]:
        vni = message.head.vni
        try:
            table = table_of(message, self._epoch) if isinstance(message, Table) else self._changed(message)
        except StateError:
            return [SegmentWanted(vni)]
        self._tables[vni] = table
        self._add(Scope(frozenset({vni})))
        return []

    def _changed(self, message: Delta) -> SegmentTable:
        """Return a segment's table after changes; raises :class:`StateError` where they do not fit what is held."""
        delta = delta_of(message)
        known = self._tables.get(delta.head.vni)
        if known is None:
            raise StateError(f"changes for segment {delta.head.vni}, of which nothing is held", remedy="a snapshot is asked for")
        return apply(delta, known, self._epoch)

    def _add(self, scope: Scope) -> None:
        if self._scope.vnis is not None and scope.vnis is not None:
            self._scope = Scope(self._scope.vnis | scope.vnis, self._scope.taps | scope.taps)

    def _round(self) -> list[FromAgent]:
        """Make the kernel agree, and say what is proven. What is left undone is said too, and not acknowledged."""
        document = self._document
        if document is None or (self._scope == _NOTHING and self._said is not None):
            return []
        undone = self._undone(self._widened())
        self.failing = bool(undone)
        if undone:
            return [self._report(*undone)]
        self._scope = _NOTHING
        self._unplug()
        refused = tuple(f"port {port.nic} refused: {port.reason}" for port in self._refused)
        news = {vni: table.revision for vni, table in self._tables.items() if self._told.get(vni) != table.revision}
        absent = tuple(vni for vni in document.gone_segments if self._is_gone(vni))
        self._told |= news
        self._said = document.revision
        return [Ack(document.revision, news, absent, document.gone_ports, refused), self._report(*refused)]

    def _undone(self, scope: Scope) -> list[str]:
        """Plan, apply, and plan again from a second look; return what that second plan, empty when all is well, still names."""
        self._plug()
        plan = self._plan(scope)
        if plan:
            self._driver.apply(plan)
            plan = self._plan(scope)
        return [*(" ".join(step.key) for step in plan.steps), *(" ".join(obstacle.resource) for obstacle in plan.obstacles)]

    def _widened(self) -> Scope:
        """Return the scope with all taps of its segments: they are looked at together."""
        scope = self._scope
        if scope.vnis is None:
            return ALL
        return Scope(scope.vnis, scope.taps | {port.tap for port in self._ports.values() if port.vni in scope.vnis})

    def _plan(self, scope: Scope) -> Plan:
        """Return what would be done inside a scope."""
        desired = compile_host(self._part(scope), self._tables) if self._document else HostState()
        return diff(desired, self._driver.observe(scope), prune=True, scope=scope)

    def _part(self, scope: Scope) -> HostDocument:
        """Return the part of the document that a scope is about."""
        document = self._document
        if document is None:
            raise StateError("nothing was told yet", remedy="a round begins with a document")
        if scope.vnis is None:
            return document
        ports = tuple(encode_port(port) for port in self._ports.values() if port.vni in scope.vnis)
        segments = tuple(need for need in document.segments if need.vni in scope.vnis)
        return msgspec.structs.replace(document, ports=ports, segments=segments)

    def _plug(self) -> None:
        """Give every port its tap, whoever was to plug it in: all guests here are simulated."""
        for port in self._ports.values():
            if port.tap not in self.kernel.links:
                self.kernel.plug(port.tap)

    def _unplug(self) -> None:
        """Remove the taps of ports that are gone; they are off their bridges by now."""
        wanted = {port.tap for port in self._ports.values()}
        for tap in self.kernel.taps() - wanted:
            self.kernel.unplug(tap)

    def _is_gone(self, vni: int) -> bool:
        names = ((Bridge.kind, bridge_name(vni)), (VxlanDevice.kind, vxlan_name(vni)))
        return all(self.kernel.resource(key) is None for key in names)

    def _report(self, *findings: str) -> Report:
        guests = tuple(GuestReport(nic, "running" if port.running else "stopped") for nic, port in self._ports.items())
        self._shown = self.hardware
        return Report(not findings, findings=findings, guests=guests, hardware=self.hardware)

    def _answer(self) -> dict[str, object]:
        """Return the answer to a question: the plan as it is now, and what stands."""
        plan = self._plan(ALL)
        observed = self._driver.observe(ALL)
        return {
            "plan": f"{LABEL}\n{render(plan)}",
            "steps": len(plan.steps),
            "resources": {"observed": len(observed.resources)},
            "refused": [f"{port.nic}: {port.reason}" for port in self._refused],
            "holding": "",
            "dropped": "",
            "simulated": True,
        }

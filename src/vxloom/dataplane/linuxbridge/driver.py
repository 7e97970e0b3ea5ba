"""The bridge driver: links, taps and bulk rows of the kernel's bridge and VXLAN code, over packed netlink."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

from vxloom.dataplane.linuxbridge.changes import flush_port
from vxloom.dataplane.linuxbridge.install import Indexes, Install
from vxloom.dataplane.linuxbridge.observe import Kernel, get_links, observe_all, observe_some, read_kernel, state_of
from vxloom.dataplane.linuxbridge.remove import Remove
from vxloom.dataplane.linuxbridge.reread import reread_some
from vxloom.dataplane.linuxbridge.write_rows import WriteRows
from vxloom.dataplane.netlink import NetlinkSocket, PortFlags, link_dump, parse_links, set_link
from vxloom.model.state import TAP_GROUP, Bridge, HostState, Tap, VxlanDevice
from vxloom.planner.plan import ALL, Operation, Plan, QuarantineStep, ResourceStep, RowsStep, Scope, Step

Kind = TypeVar("Kind", Bridge, VxlanDevice, Tap)


class LinuxBridge:
    """The kernel's bridges of the network namespace it was made in. For one thread at a time."""

    kinds = frozenset({Bridge.kind, VxlanDevice.kind, Tap.kind, "rows", "stray"})

    def __init__(self, *, keep: bool = False) -> None:
        """Open the sockets. Raises ``DataplaneError``. ``keep``: what the last look at everything read stays in ``kernel``."""
        self._keep = keep
        self.kernel: Kernel | None = None
        self._sock = NetlinkSocket()
        self._remove = Remove(self._sock)
        self._rows = WriteRows(self._sock)

    @cached_property
    def _install(self) -> Install:
        """Made when something is: who only looks need not know every link's index, which takes a third of a second for 2,000 (measured)."""
        indexes = Indexes()
        indexes.skip(link.index for link in parse_links(self._sock.dump(link_dump())))
        return Install(self._sock, indexes)

    def close(self) -> None:
        """Give the sockets back."""
        self._remove.close()
        self._sock.close()

    def observe(self, scope: Scope = ALL) -> HostState:
        """Return links, taps, rows, foreign links, strays and present taps. Raises ``DataplaneError``."""
        if not scope.everything:
            return observe_some(self._sock, scope)
        kernel = read_kernel(self._sock)
        self.kernel = kernel if self._keep else None
        return state_of(kernel)

    def reread(self, plan: Plan, before: HostState, scope: Scope) -> HostState:
        """Return what there is after a plan; see :mod:`vxloom.dataplane.linuxbridge.reread`. Raises ``DataplaneError``."""
        return observe_all(self._sock) if scope.everything else reread_some(self._sock, plan, before, scope)

    def apply(self, steps: Sequence[Step], urgent: Callable[[], None]) -> list[str]:
        """Carry out steps of one kind and one direction (see :mod:`vxloom.dataplane.host`); one error text each, "" if done."""
        first = steps[0]
        if isinstance(first, RowsStep):
            return self._rows.write([step for step in steps if isinstance(step, RowsStep)], urgent)
        if isinstance(first, QuarantineStep):
            return self._quarantine([step for step in steps if isinstance(step, QuarantineStep)])
        changes = [step for step in steps if isinstance(step, ResourceStep)]
        kind, name = first.key
        if first.operation is Operation.DELETE:
            names = [step.key[1] for step in changes]
            return self._remove.taps(names) if kind == Tap.kind else self._remove.links(kind, names, urgent)
        if kind == Tap.kind:
            return self._install.taps([(_of(Tap, step.before), _must(Tap, step)) for step in changes])
        create = first.operation is Operation.CREATE
        if kind == Bridge.kind:
            if create:
                return self._install.bridges([_must(Bridge, step) for step in changes])
            return self._install.update_bridges(
                [(_of(Bridge, step.before) or _must(Bridge, step), _must(Bridge, step)) for step in changes]
            )
        if kind == VxlanDevice.kind:
            if create:
                return self._install.vxlans([_must(VxlanDevice, step) for step in changes])
            pairs = [(_of(VxlanDevice, step.before) or _must(VxlanDevice, step), _must(VxlanDevice, step)) for step in changes]
            return self._install.update_vxlans(pairs)
        return [f"{kind} {name} is nothing a bridge driver knows"] * len(steps)

    def _quarantine(self, steps: Sequence[QuarantineStep]) -> list[str]:
        quiet = PortFlags(locked=True, learning=False, flood=False, mcast_flood=False, bcast_flood=False)
        links = get_links(self._sock, {name for step in steps for name in (step.name, step.bridge)})
        errors = [""] * len(steps)
        there: list[int] = []
        for place, step in enumerate(steps):
            port, bridge = links.get(step.name), links.get(step.bridge)
            if port is not None and bridge is not None and port.master == bridge.index:  # else it has left, which is what we want
                there.append(place)
        parts: list[bytes] = []
        for place in there:
            port = links[steps[place].name]
            parts += [set_link(port.index, group=0 if port.group == TAP_GROUP else None, port=quiet), flush_port(port.index)]
        for failure in self._sock.batch(parts):
            place = there[failure.index // 2]
            errors[place] = f"quarantine {steps[place].name}: {failure.text or os.strerror(failure.errno)} (errno {failure.errno})"
        return errors


def _of(kind: type[Kind], resource: object) -> Kind | None:
    return resource if isinstance(resource, kind) else None


def _must(kind: type[Kind], step: ResourceStep) -> Kind:
    if not isinstance(step.after, kind):
        raise TypeError(f"step {step.key} does not lead to a {kind.__name__}")
    return step.after

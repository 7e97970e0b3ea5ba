"""What is known of a host when its rows are made: its kernel, what it is to hold, and where the two differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec

from vxloom.agent.held import Held, Word
from vxloom.compiler import admit, compile_host
from vxloom.dataplane.linuxbridge.links import vni_of
from vxloom.dataplane.linuxbridge.observe import Kernel, state_of
from vxloom.dataplane.netlink import Link
from vxloom.doctor.show.marks import Marks, marks_of
from vxloom.model.addresses import format_mac
from vxloom.model.host import PortDocument, encode_port
from vxloom.model.state import Bridge, HostState, Tap, VxlanDevice
from vxloom.planner import diff

_LINKS = frozenset({Bridge.kind, VxlanDevice.kind, Tap.kind})


@dataclass(frozen=True)
class Sight:
    """One host."""

    host: str
    kernel: Kernel
    desired: HostState
    """Links and rows; filters are nothing to show."""
    observed: HostState
    marks: Marks
    prune: bool
    """Whether what is ours and not wanted is one too many."""
    ports: Mapping[str, PortDocument] = field(default_factory=dict)
    """Tap → port."""
    note: str = ""

    @cached_property
    def by_index(self) -> Mapping[int, Link]:
        """Link index → link."""
        return {link.index: link for link in self.kernel.links}

    @cached_property
    def vnis(self) -> Mapping[int, int]:
        """Link index → VNI: of a VXLAN device its own, of a bridge that of a VXLAN device on it, of another port its bridge's."""
        found = {link.index: link.vxlan.vni for link in self.kernel.links if link.vxlan is not None and not link.vxlan.external}
        bridges = {self.by_index[index].master: vni for index, vni in found.items() if self.by_index[index].master}
        named = {link.index: vni for link in self.kernel.links if link.kind == "bridge" and (vni := vni_of(link)) is not None}
        bridges |= named
        on = {link.index: bridges[link.master] for link in self.kernel.links if link.master in bridges}
        return {**on, **bridges, **found}


def sight_of(host: str, kernel: Kernel, held: Held, trouble: str) -> Sight:
    """Return what is known of a host; ``trouble``: why its state on disk tells nothing, "" where that is as it should be."""
    word = held.effective()
    why = trouble or held.doubt or held.holding
    prune = word.document is not None and not why
    ports = _ports(word, kernel)
    desired = _desired(word, ports)
    observed = state_of(kernel)
    plan = diff(desired, observed, prune=prune)
    if word.document is None:
        note = trouble or "no server has told this host anything: there is nothing to compare with"
    else:
        note = f"the agent holds what is no longer wanted ({why}); it is not marked" if why else ""
    return Sight(host, kernel, desired, observed, marks_of(desired, observed, plan), prune, ports, note)


def _ports(word: Word, kernel: Kernel) -> dict[str, PortDocument]:
    """Return tap → port. A tap of others' may have any name: it is told by its MAC, which libvirt makes of the guest's."""
    if word.document is None:
        return {}
    names = {link.name for link in kernel.links}
    by_mac = {format_mac(link.mac): link.name for link in kernel.links if link.mac >> 40 == 0xFE and link.kind != "bridge"}
    found = admit(word.document)[0]
    return {port.tap if port.tap in names else by_mac.get(f"fe{port.mac[2:]}", port.tap): port for port in found}


def _desired(word: Word, ports: Mapping[str, PortDocument]) -> HostState:
    if word.document is None:
        return HostState()
    tapped = tuple(encode_port(msgspec.structs.replace(port, tap=tap)) for tap, port in ports.items())
    whole = compile_host(msgspec.structs.replace(word.document, ports=tapped), word.tables)
    return replace(whole, resources={key: each for key, each in whole.resources.items() if key[0] in _LINKS})

"""Would this frame arrive? A walk through host states, desired or observed, told as a network engineer would.

tap → filter → lock → bridge (suppression, FDB) → VXLAN row or flood → allow lists → the peer's VTEP and VNI → its bridge → tap
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from vxloom.compiler.document import compile_document
from vxloom.compiler.frames import BROADCAST, Frame, Kind, link_local, packet, question
from vxloom.compiler.host import compile_host
from vxloom.compiler.segments import active_binding, compile_segments
from vxloom.errors import IntentError
from vxloom.model.addresses import IpPair, format_mac, pack_ip, parse_ip, parse_mac, unpack_ip
from vxloom.model.host import tap_name
from vxloom.model.intent import Intent, Nic
from vxloom.model.state import AllowList, Bridge, HostState, PortFilter, Resource, SegmentRows, Tap, VxlanDevice

_UNSPECIFIED = {"", "0.0.0.0", "::"}  # noqa: S104 - senders of ARP probes and duplicate detection, nothing is bound to


class Verdict(StrEnum):
    """What became of the frame at a hop."""

    PASSED = "→"
    DROPPED = "✗"
    ANSWERED = "↩"
    DELIVERED = "✓"


@dataclass(frozen=True, slots=True)
class Hop:
    """One place on the way."""

    host: str
    place: str
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Trace:
    """The way of one frame. ``delivered`` names (host, tap)."""

    frame: Frame
    hops: tuple[Hop, ...]

    @property
    def delivered(self) -> frozenset[tuple[str, str]]:
        """Every tap the frame comes out of, as (host, tap)."""
        return frozenset((hop.host, hop.place.removeprefix("tap ")) for hop in self.hops if hop.verdict is Verdict.DELIVERED)

    @property
    def answered(self) -> str:
        """The MAC a bridge answers with for its guest, empty for none."""
        return next((hop.text.split()[-1] for hop in self.hops if hop.verdict is Verdict.ANSWERED), "")

    @property
    def left_host(self) -> bool:
        """True when a copy went onto the underlay."""
        return any(hop.place.startswith("underlay") for hop in self.hops)

    def __str__(self) -> str:
        """Return the story, a line per hop."""
        lines = [str(self.frame)]
        lines += [f"  {hop.verdict} {hop.host:<12} {hop.place:<20} {hop.text}" for hop in self.hops]
        return "\n".join(lines) + "\n"


def trace(frame: Frame, host: str, tap: str, states: Mapping[str, HostState]) -> Trace:
    """Follow a frame that a guest sends into ``tap`` of ``host``. ``states``: host name → its state, for every host there is."""
    walk = _Walk(frame, states)
    walk.enter(host, tap)
    return Trace(frame, tuple(walk.hops))


@dataclass(frozen=True, slots=True)
class Story:
    """What one NIC sends to reach another: a question per address family, then the packet itself."""

    traces: tuple[Trace, ...]
    reached: bool
    """The packet comes out of the other NIC's tap."""
    conclusion: str

    def __str__(self) -> str:
        """Return every way, then the conclusion."""
        return "\n".join([*map(str, self.traces), self.conclusion]) + "\n"


def follow(intent: Intent, source: str, target: str) -> Story:
    """Return how one NIC (id) would reach another, by the desired states of all hosts of the intent.

    Raises :class:`IntentError` when a NIC is not part of the intent or lives nowhere.
    """
    states = desired_states(intent)
    here, there = _nic(intent, source), _nic(intent, target)
    (host, tap), home = _home(intent, here), _home(intent, there)
    pairs = [(mine, its) for mine in here.ips for its in there.ips if parse_ip(mine).version == parse_ip(its).version]
    traces = [trace(question(here.mac, mine, its), host, tap, states) for mine, its in pairs]
    mine, its = pairs[0] if pairs else ("", "")
    traces.append(trace(packet(here.mac, there.mac, mine, its), host, tap, states))
    reached = home in traces[-1].delivered
    return Story(tuple(traces), reached, _conclusion(intent, here, there, reached=reached))


def _conclusion(intent: Intent, here: Nic, there: Nic, *, reached: bool) -> str:
    if reached:
        return f"{here.vm_name} reaches {there.vm_name}"
    names = {network.id: f"{network.name} (VNI {network.vni})" for network in intent.networks}
    mine, its = names.get(here.network, here.network), names.get(there.network, there.network)
    if mine != its:
        return f"{here.vm_name} does not reach {there.vm_name}: {mine} and {its} are separate networks"
    return f"{here.vm_name} does not reach {there.vm_name}: see the last line above"


def desired_states(intent: Intent) -> dict[str, HostState]:
    """Return host name → desired state, of all hosts of an intent."""
    tables = compile_segments(intent)
    return {host.name: compile_host(compile_document(intent, host.id, intent.revision, {}), tables) for host in intent.hosts}


def _nic(intent: Intent, nic_id: str) -> Nic:
    for nic in intent.nics:
        if nic.id == nic_id:
            return nic
    raise IntentError(f"nic {nic_id} is not there", remedy="give the id of a NIC of a VM")


def _home(intent: Intent, nic: Nic) -> tuple[str, str]:
    binding = active_binding(nic.bindings)
    for host in intent.hosts:
        if binding is not None and host.id == binding.host:
            return host.name, nic.tap or tap_name(nic.id)
    raise IntentError(f"VM {nic.vm_name} lives on no host", remedy="start it first")


@dataclass(slots=True)
class _Walk:
    frame: Frame
    states: Mapping[str, HostState]
    hops: list[Hop] = field(default_factory=list)

    def enter(self, host: str, tap_name: str) -> None:
        """From the guest to the bridge."""
        place, state = f"tap {tap_name}", self.states.get(host, HostState())
        tap = state.resources.get((Tap.kind, tap_name))
        if not isinstance(tap, Tap) or not tap.up:
            return self._drop(host, place, "it is not bound here" if tap is None else "the tap is down")
        why = refusal(self.frame, state.resources.get((PortFilter.kind, tap_name)))
        if why:
            return self._drop(host, f"filter of {tap_name}", why)
        self._pass(host, f"filter of {tap_name}", "sender is the NIC's own, admitted")
        if tap.locked and self.frame.source not in tap.macs:
            return self._drop(host, place, f"the port is locked and {self.frame.source} has no row on it (it does not live here now)")
        return self._bridge(host, state, tap)

    def _bridge(self, host: str, state: HostState, tap: Tap) -> None:
        bridge = state.resources.get((Bridge.kind, tap.bridge))
        if not isinstance(bridge, Bridge) or not bridge.up:
            return self._drop(host, f"bridge {tap.bridge}", "there is no such bridge" if bridge is None else "the bridge is down")
        segment = _Segment.of(state, bridge)
        if self.frame.group:
            return self._to_all(host, segment, tap)
        owner = segment.owner(self.frame.destination)
        if owner is not None:
            self._pass(host, f"bridge {bridge.name}", f"{self.frame.destination} is behind tap {owner.name}")
            return self._out(host, owner)
        mac = parse_mac(self.frame.destination)
        unknown = f"{self.frame.destination} is unknown in VNI {bridge.vni}: counted, not flooded"
        if segment.vxlan is None or mac not in segment.rows.bridged["mac"]:
            return self._drop(host, f"bridge {bridge.name}", unknown)
        self._pass(host, f"bridge {bridge.name}", f"{self.frame.destination} is behind {segment.vxlan.name}")
        rows = segment.rows.fdb[segment.rows.fdb["mac"] == mac]
        if not len(rows):
            return self._drop(host, segment.vxlan.name, f"no VTEP is known for {self.frame.destination}")
        return self._tunnel(host, segment.vxlan, (int(rows["hi"][0]), int(rows["lo"][0])))

    def _to_all(self, host: str, segment: _Segment, tap: Tap) -> None:
        """Broadcast and multicast: to every other tap here, and to the peers unless suppression keeps it at home."""
        place, bridge = f"bridge {segment.bridge.name}", segment.bridge
        known = segment.answer(self.frame)
        others = [other for other in segment.taps if other.name != tap.name]
        self._pass(host, place, f"to all of VNI {bridge.vni}: {len(others)} other taps here")
        for other in others:
            self._out(host, other)
        if segment.vxlan is None:
            return self._drop(host, place, "there is no VXLAN device: no peer hears it")
        if not (segment.vxlan.bcast_flood if self.frame.destination == BROADCAST else segment.vxlan.mcast_flood):
            return self._drop(host, segment.vxlan.name, "its port does not flood this: no peer hears it")
        if segment.vxlan.neigh_suppress and self.frame.asks and self.frame.sender == self.frame.target:
            return self._drop(host, segment.vxlan.name, "a gratuitous announcement stays at home (suppression)")
        if known and segment.vxlan.neigh_suppress:
            mac, remote = known
            if remote:
                self.hops.append(Hop(host, place, f"answers for the guest: {self.frame.target} is at {mac}", Verdict.ANSWERED))
            return self._drop(host, segment.vxlan.name, f"{self.frame.target} is known here, the question stays at home (suppression)")
        for high, low in segment.rows.flood.tolist():
            self._tunnel(host, segment.vxlan, (high, low))
        return None

    def _tunnel(self, host: str, vxlan: VxlanDevice, vtep: IpPair) -> None:
        address = unpack_ip(*vtep)
        place = f"underlay to {address}"
        if _barred(self.states[host], vxlan, vtep):
            return self._drop(host, place, f"{address} is not in this host's allow list of VNI {vxlan.vni}")
        for name, state in self.states.items():
            peers = [r for r in state.resources.values() if isinstance(r, VxlanDevice) and pack_ip(r.local) == vtep]
            if not peers:
                continue
            for peer in peers:
                if (peer.vni, peer.udp_port) == (vxlan.vni, vxlan.udp_port) and peer.up:
                    if _barred(state, peer, pack_ip(vxlan.local)):
                        return self._drop(host, place, f"{vxlan.local} is not in the allow list of VNI {vxlan.vni} on host {name}")
                    self._pass(host, place, f"VNI {vxlan.vni}, UDP port {vxlan.udp_port}: host {name}")
                    return self._arrive(name, state, peer)
            return self._drop(host, place, f"host {name} does not take part in VNI {vxlan.vni}")
        return self._drop(host, place, "no host has this VTEP")

    def _arrive(self, host: str, state: HostState, vxlan: VxlanDevice) -> None:
        """From the peer's VXLAN device to its taps; never back onto the underlay."""
        bridge = state.resources.get((Bridge.kind, vxlan.bridge))
        if not isinstance(bridge, Bridge) or not bridge.up:
            return self._drop(host, vxlan.name, "it is on no bridge that is up")
        segment = _Segment.of(state, bridge)
        if self.frame.group:
            self._pass(host, f"bridge {bridge.name}", f"to all of VNI {bridge.vni}: {len(segment.taps)} taps here")
            for tap in segment.taps:
                self._out(host, tap)
            return None
        owner = segment.owner(self.frame.destination)
        if owner is None:
            return self._drop(host, f"bridge {bridge.name}", f"{self.frame.destination} does not live here")
        return self._out(host, owner)

    def _out(self, host: str, tap: Tap) -> None:
        if tap.up:
            self.hops.append(Hop(host, f"tap {tap.name}", "out to the guest", Verdict.DELIVERED))
        else:
            self._drop(host, f"tap {tap.name}", "the tap is down")

    def _pass(self, host: str, place: str, text: str) -> None:
        self.hops.append(Hop(host, place, text, Verdict.PASSED))

    def _drop(self, host: str, place: str, text: str) -> None:
        self.hops.append(Hop(host, place, text, Verdict.DROPPED))


@dataclass(frozen=True, slots=True)
class _Segment:
    """One bridge and what is on it."""

    bridge: Bridge
    vxlan: VxlanDevice | None
    taps: tuple[Tap, ...]
    rows: SegmentRows

    @classmethod
    def of(cls, state: HostState, bridge: Bridge) -> _Segment:
        ports = state.resources.values()
        vxlans = [r for r in ports if isinstance(r, VxlanDevice) and r.bridge == bridge.name and r.up]
        taps = tuple(r for r in ports if isinstance(r, Tap) and r.bridge == bridge.name)
        return cls(bridge, vxlans[0] if vxlans else None, taps, state.rows.get(bridge.vni, SegmentRows()))

    def owner(self, mac: str) -> Tap | None:
        """Return the tap a MAC has its row on."""
        return next((tap for tap in self.taps if mac in tap.macs), None)

    def answer(self, frame: Frame) -> tuple[str, bool] | None:
        """Return the MAC known for what a frame asks, and whether it is remote: only then the bridge itself answers."""
        if not frame.asks:
            return None
        high, low = pack_ip(frame.target)
        neighbours = self.rows.neighbours
        found = neighbours[(neighbours["hi"] == np.uint64(high)) & (neighbours["lo"] == np.uint64(low))]
        for mac in found["mac"].tolist():
            if mac in self.rows.bridged["mac"]:
                return format_mac(mac), True
            if self.owner(format_mac(mac)):
                return format_mac(mac), False
        return None


def _barred(state: HostState, vxlan: VxlanDevice, vtep: IpPair) -> bool:
    """Tell whether packets of a device's VNI may not be exchanged with a VTEP."""
    allowed = state.resources.get((AllowList.kind, str(vxlan.vni)))
    return isinstance(allowed, AllowList) and allowed.vteps is not None and vtep not in allowed.vteps


def refusal(frame: Frame, port_filter: Resource | None) -> str:
    """Return why a filter drops a frame, empty when it passes."""
    if not isinstance(port_filter, PortFilter):
        return "no filter stands for this tap: nothing may pass"
    if frame.kind is Kind.OTHER:
        return "its ethertype is none that guests may send"
    if frame.source not in port_filter.macs:
        return f"{frame.source} is not a MAC of this NIC (spoofed)"
    if frame.kind is Kind.RARP or not port_filter.checked or frame.sender in _UNSPECIFIED:
        return ""
    # Without its link-local address a guest cannot do neighbour discovery, whatever the cloud gave it: the rules always let it pass.
    if str(parse_ip(frame.sender)) not in {*port_filter.ips, link_local(frame.source)}:
        return f"{frame.sender} is not an address of this NIC (spoofed)"
    return ""

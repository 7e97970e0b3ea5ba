"""The simulated kernel: what a person, a guest or the driver can do to it, and what it does to them in return.

It mimics what was measured on a real one: deleting a bridge only detaches its ports; deleting a VXLAN device takes its
rows and the bridge's rows for its port along; a new bridge address or a downed bridge flushes the neighbours; a second
holder of a name or of VNI + UDP port is refused; a bridge holds one row per MAC; a VNI cannot change in place.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from threading import RLock

from vxloom.dataplane.simulated.links import (
    BridgeLink,
    Fault,
    Link,
    TapLink,
    VxlanLink,
    bridge_of,
    foreign,
    refusal,
    rows_in,
    stray,
    tap_as_seen,
)
from vxloom.model.addresses import IpPair, parse_mac
from vxloom.model.state import (
    AllowList,
    AllowTable,
    Bridge,
    FilterTable,
    HostState,
    Key,
    PortFilter,
    Resource,
    SegmentRows,
    Tap,
    VxlanDevice,
    bridge_name,
    vxlan_name,
)
from vxloom.model.vteps import Vteps
from vxloom.planner.plan import ALL, Scope

_RULES = frozenset({FilterTable.kind, PortFilter.kind, AllowTable.kind, AllowList.kind})


class SimulatedKernel:
    """One host. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.links: dict[str, Link] = {}
        self.rules: dict[Key, Resource] = {}
        """What nftables holds."""
        self.listeners: list[Callable[[Scope], None]] = []
        self._faults: dict[Key, Fault] = {}

    # --- what others do to it ------------------------------------------------------------------------------------------

    def plug(self, tap: str, mtu: int = 1500, bridge: str = "") -> None:
        """Add a guest's tap; a hypervisor may put it on a bridge itself."""
        with self.lock:
            self._take_name(tap)
            self.links[tap] = TapLink(tap, mtu=mtu, bridge=bridge)
            self._tell(tap)

    def unplug(self, tap: str) -> None:
        """Remove a guest's tap, with its rows on the bridge."""
        self.delete_link(tap)

    def taps(self) -> frozenset[str]:
        """Return the names of all taps."""
        return frozenset(name for name, link in self.links.items() if isinstance(link, TapLink))

    def add_foreign(self, resource: Bridge | VxlanDevice) -> None:
        """Make a link that is not ours. Raises :class:`DataplaneError` as the kernel would."""
        with self.lock:
            self._make_link(resource, ours=False)
            self._tell(resource.name)

    def add_foreign_neighbour(self, bridge: str, ip: IpPair, mac: int) -> None:
        """Add a neighbour of another protocol."""
        with self.lock:
            self._bridge(bridge).foreign_neighbours[ip] = mac

    def delete_link(self, name: str) -> None:
        """Delete any link (``ip link del``)."""
        with self.lock:
            link = self._link(name)
            self._leave_bridge(link)
            if isinstance(link, BridgeLink):
                for port in self._ports(name):
                    port.loose()
            del self.links[name]
            self._tell(name)

    def attach(self, name: str, bridge: str) -> None:
        """Put a tap or VXLAN device on a bridge (``ip link set master``)."""
        with self.lock:
            self._bridge(bridge)
            link = self._link(name)
            self._leave_bridge(link)
            self._enter_bridge(link, bridge)
            self._tell(name)

    def detach(self, name: str) -> None:
        """Take a tap or VXLAN device off its bridge (``ip link set nomaster``)."""
        with self.lock:
            self._leave_bridge(self._link(name))
            self._tell(name)

    def change(self, name: str, **fields: str | int | bool) -> None:
        """Change fields of a link by hand, with what follows from it."""
        with self.lock:
            link = self._link(name)
            if isinstance(link, TapLink):
                for field, value in fields.items():
                    setattr(link, field, value)
            elif isinstance(link, BridgeLink):
                self._change_bridge(link, replace(link.is_now, **fields))  # type: ignore[arg-type]  # tests' own spelling
            else:
                link.is_now = replace(link.is_now, **fields)  # type: ignore[arg-type]  # same
            self._tell(name)

    def flush_filters(self) -> None:
        """Delete all filters (``nft flush ruleset``)."""
        with self.lock:
            self.rules.clear()
            self._tell_all(ALL)

    def forget_rows(self, vni: int, drop: SegmentRows) -> None:
        """Delete rows by hand (``bridge fdb del``, ``ip neigh del``)."""
        with self.lock:
            self._drop_rows(vni, drop)
            self._tell_all(Scope(frozenset({vni})))

    def fail(self, key: Key, number: int = errno.EIO, *, times: int = 1, after: int = 0, lie: bool = False) -> None:
        """Refuse the next ``times`` writes to one key; of rows, only what follows the first ``after``. ``lie``: say done instead."""
        self._faults[key] = Fault(number, times, after, lie)

    # --- what the driver does ------------------------------------------------------------------------------------------

    def make(self, resource: Resource) -> None:
        """Create a resource of ours, or bind a tap. Raises :class:`DataplaneError`."""
        with self.lock:
            if self._cut(resource.key, "create") is not None:
                return
            match resource:
                case Bridge() | VxlanDevice():
                    self._make_link(resource, ours=True)
                case Tap():
                    self._bind(resource)
                case FilterTable() | PortFilter() | AllowTable() | AllowList():
                    self._set_rule(resource)
                case _:
                    raise refusal(resource.key, "create", errno.EOPNOTSUPP)
            self._tell(resource.key[1])

    def update(self, before: Resource, after: Resource) -> None:
        """Change a resource of ours. Raises :class:`DataplaneError`."""
        with self.lock:
            if self._cut(after.key, "change") is not None:
                return
            match after:
                case Bridge():
                    self._change_bridge(self._bridge(after.name), after)
                case VxlanDevice():
                    self._change_vxlan(after)
                case Tap():
                    self._bind(after)
                case FilterTable() | PortFilter() | AllowTable() | AllowList():
                    self._set_rule(after)
                case _:
                    raise refusal(after.key, "change", errno.EOPNOTSUPP)
            self._tell(after.key[1])

    def remove(self, resource: Resource) -> None:
        """Delete a resource of ours; what is gone already is no failure. A tap is detached, never deleted."""
        with self.lock:
            if self._cut(resource.key, "delete") is not None:
                return
            kind, name = resource.key
            if isinstance(resource, Tap):
                self._unbind(name)
            elif kind in _RULES:
                doomed = {resource.key, *(key for key, rule in self.rules.items() if rule.parent == resource.key)}
                self.rules = {key: rule for key, rule in self.rules.items() if key not in doomed}
            elif name in self.links:
                self.delete_link(name)
            self._tell(name)

    def write_rows(self, vni: int, put: SegmentRows, drop: SegmentRows) -> None:
        """Put, then drop, rows of one VNI. Raises :class:`DataplaneError`."""
        with self.lock:
            let = self._cut(("rows", str(vni)), "write")
            if let is None:
                self._put_rows(vni, put)
                self._drop_rows(vni, drop)
            elif let > 0:
                self._put_rows(vni, SegmentRows(fdb=put.fdb[:let]))
                raise refusal(("rows", str(vni)), "write", errno.ENOBUFS)
            self._tell_all(Scope(frozenset({vni})))

    def quarantine(self, name: str) -> None:
        """Lock a stray port."""
        with self.lock:
            if self._cut(("stray", name), "lock") is not None:
                return
            link = self._link(name)
            if isinstance(link, TapLink):
                link.locked, link.learning, link.flood = True, False, False
            self._tell(name)

    # --- what the driver sees ------------------------------------------------------------------------------------------

    def look(self, covered: frozenset[Key] | None = None) -> HostState:
        """Return what is ours, what is in the way, who stands on our bridges; ``covered``: of ours only these keys and their rows."""
        with self.lock:
            all_keys = (*(link.key for link in self.links.values()), *self.rules)
            chosen = all_keys if covered is None else sorted(covered)
            found = {key: resource for key in chosen if (resource := self.resource(key)) is not None}
            vnis = {resource.vni for resource in found.values() if isinstance(resource, Bridge | VxlanDevice)}
            taps = [link for link in self.links.values() if isinstance(link, TapLink)]
            return HostState(
                found,
                {vni: self.rows(vni) for vni in vnis},
                tuple(foreign(link) for link in self.links.values() if not link.ours and not isinstance(link, TapLink)),
                tuple(stray(tap) for tap in taps if not tap.ours and (Bridge.kind, tap.bridge) in found),
                frozenset(tap.name for tap in taps),
            )

    def resource(self, key: Key) -> Resource | None:
        """Return one resource of ours, None when it does not stand."""
        kind, name = key
        if kind in _RULES:
            return self.rules.get(key)
        link = self.links.get(name)
        if link is None or not link.ours or link.key != key:
            return None
        if isinstance(link, TapLink):
            return tap_as_seen(link, self._bridge(link.bridge)) if link.bridge else None
        return link.is_now

    def rows(self, vni: int) -> SegmentRows:
        """Return the rows of one VNI; none where our devices do not stand."""
        return rows_in(vxlan_name(vni), *self._devices(vni))

    # --- inside --------------------------------------------------------------------------------------------------------

    def _cut(self, key: Key, operation: str) -> int | None:
        """Return None when a write goes on; else how many rows still get through. Raises where the fault says so."""
        fault = self._faults.get(key)
        if fault is None:
            return None
        fault.times -= 1
        if fault.times <= 0:
            del self._faults[key]
        if not fault.lie and not fault.after:
            raise refusal(key, operation, fault.errno)
        return fault.after

    def _make_link(self, resource: Bridge | VxlanDevice, *, ours: bool) -> None:
        self._take_name(resource.name)
        for link in self.links.values():
            taken = link.slots & resource.exclusive
            if taken:
                raise refusal(resource.key, "create", errno.EEXIST)
        if isinstance(resource, Bridge):
            self.links[resource.name] = BridgeLink(resource, ours)
            return
        if resource.bridge:
            self._bridge(resource.bridge)
        self.links[resource.name] = VxlanLink(resource, ours)

    def _change_bridge(self, link: BridgeLink, after: Bridge) -> None:
        if after.mac != link.is_now.mac or not after.up:
            link.neighbours.clear()
            link.foreign_neighbours.clear()
        link.is_now = after

    def _change_vxlan(self, after: VxlanDevice) -> None:
        link = self._link(after.name)
        if not isinstance(link, VxlanLink) or any(getattr(link.is_now, name) != getattr(after, name) for name in VxlanDevice.recreate_on):
            raise refusal(after.key, "change", errno.EOPNOTSUPP)
        if after.bridge != link.is_now.bridge:
            self._bridge(after.bridge)
            self._leave_bridge(link)
        link.is_now = after

    def _bind(self, tap: Tap) -> None:
        link = self._link(tap.name)
        if not isinstance(link, TapLink):
            raise refusal(tap.key, "bind", errno.EINVAL)
        bridge = self._bridge(tap.bridge)
        if link.bridge != tap.bridge:
            self._leave_bridge(link)
        link.ours, link.bridge, link.mtu, link.up = True, tap.bridge, tap.mtu, tap.up
        link.locked, link.learning, link.flood = tap.locked, tap.learning, tap.flood
        self._forget_port(bridge, tap.name)
        bridge.fdb.update({parse_mac(mac): tap.name for mac in tap.macs})

    def _unbind(self, name: str) -> None:
        link = self.links.get(name)
        if isinstance(link, TapLink):
            self._leave_bridge(link)
            link.ours = False

    def _set_rule(self, resource: FilterTable | PortFilter | AllowTable | AllowList) -> None:
        if resource.parent is not None and resource.parent not in self.rules:
            raise refusal(resource.key, "create", errno.ENOENT)
        if isinstance(resource, AllowList) and resource.vteps is None:
            resource = replace(resource, vteps=Vteps())
        self.rules[resource.key] = resource

    def _put_rows(self, vni: int, put: SegmentRows) -> None:
        vxlan, bridge = self._devices(vni)
        if vxlan is None or bridge is None:
            raise refusal(("rows", str(vni)), "write", errno.ENODEV)
        for mac, high, low in put.fdb.tolist():
            vxlan.fdb[mac] = (high, low)
            bridge.fdb[mac] = vxlan.is_now.name
        vxlan.flood.update((high, low) for high, low in put.flood.tolist())
        bridge.neighbours.update({(high, low): mac for high, low, mac in put.neighbours.tolist()})

    def _drop_rows(self, vni: int, drop: SegmentRows) -> None:
        vxlan, bridge = self._devices(vni)
        if vxlan is not None:
            for mac, high, low in drop.fdb.tolist():
                if vxlan.fdb.get(mac) == (high, low):
                    del vxlan.fdb[mac]
            vxlan.flood.difference_update((high, low) for high, low in drop.flood.tolist())
        if bridge is not None:
            for (mac,) in drop.bridged.tolist():
                if bridge.fdb.get(mac) == vxlan_name(vni):
                    del bridge.fdb[mac]
            for high, low, _ in drop.neighbours.tolist():
                bridge.neighbours.pop((high, low), None)

    def _devices(self, vni: int) -> tuple[VxlanLink | None, BridgeLink | None]:
        """Return our devices of a VNI."""
        vxlan, bridge = self.links.get(vxlan_name(vni)), self.links.get(bridge_name(vni))
        return (
            vxlan if isinstance(vxlan, VxlanLink) and vxlan.ours else None,
            bridge if isinstance(bridge, BridgeLink) and bridge.ours else None,
        )

    def _ports(self, bridge: str) -> list[TapLink | VxlanLink]:
        return [link for link in self.links.values() if not isinstance(link, BridgeLink) and bridge_of(link) == bridge]

    def _leave_bridge(self, link: Link) -> None:
        if isinstance(link, BridgeLink):
            return
        bridge = self.links.get(bridge_of(link))
        if isinstance(bridge, BridgeLink):
            self._forget_port(bridge, link.is_now.name if isinstance(link, VxlanLink) else link.name)
        link.loose()

    @staticmethod
    def _enter_bridge(link: Link, bridge: str) -> None:
        if isinstance(link, TapLink):
            link.bridge = bridge
        elif isinstance(link, VxlanLink):
            link.is_now = replace(link.is_now, bridge=bridge)

    @staticmethod
    def _forget_port(bridge: BridgeLink, port: str) -> None:
        bridge.fdb = {mac: held for mac, held in bridge.fdb.items() if held != port}

    def _take_name(self, name: str) -> None:
        if name in self.links:
            raise refusal(("link", name), "create", errno.EEXIST)

    def _link(self, name: str) -> Link:
        if name not in self.links:
            raise refusal(("link", name), "find", errno.ENODEV)
        return self.links[name]

    def _bridge(self, name: str) -> BridgeLink:
        link = self._link(name)
        if not isinstance(link, BridgeLink):
            raise refusal(("bridge", name), "find", errno.EOPNOTSUPP)
        return link

    def _tell(self, name: str) -> None:
        """Hint at what a name belongs to; of what is gone, its name must do."""
        digits = name.removeprefix("brvx-").removeprefix("vxlan")
        self._tell_all(Scope(frozenset({int(digits)})) if digits.isdigit() else Scope(frozenset(), frozenset({name})))

    def _tell_all(self, scope: Scope) -> None:
        for listener in self.listeners:
            listener(scope)

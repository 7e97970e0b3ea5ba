"""Creating and updating bridges, VXLAN devices and taps: many of a kind per batch.

Every function takes the steps of one kind and returns one error text per step, "" where all went well.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from vxloom.dataplane.linuxbridge import sysctl
from vxloom.dataplane.linuxbridge.changes import change_vxlan, flush_port, plain_bridge
from vxloom.dataplane.linuxbridge.links import LEARNT, LOOSE, is_ours
from vxloom.dataplane.linuxbridge.observe import get_links, our_indexes
from vxloom.dataplane.netlink import (
    FIRST_INDEX,
    Batch,
    Failure,
    NetlinkSocket,
    PortFlags,
    add_altnames,
    choose_indexes,
    create_bridge,
    create_vxlan,
    delete_link,
    encode_bridge_fdb,
    set_link,
)
from vxloom.model.addresses import pack_ip, parse_mac
from vxloom.model.state import Bridge, Resource, Tap, VxlanDevice, altname

_LAST_INDEX: Final = 0x200_0000
"""Then from the start again: an observed host's tables are laid out over the span of indexes."""
_NO_LINK: Final = 0x7FFF_FFFF
"""An index nobody has: the kernel refuses what needs it."""
_GONE: Final = frozenset({errno.ENODEV, errno.ENOENT})


class Indexes:
    """Link indexes to ask for. Rising: an index is not given again soon, so that a late message cannot meet another link."""

    def __init__(self) -> None:
        self._next = FIRST_INDEX

    def take(self, count: int) -> list[int]:
        """Return ``count`` indexes to try."""
        if self._next + count > _LAST_INDEX:
            self._next = FIRST_INDEX
        chosen = choose_indexes((), count, self._next)
        self._next = chosen[-1] + 1 if chosen else self._next
        return chosen

    def skip(self, used: Iterable[int]) -> None:
        """Start above links that are already there (a restarted agent's)."""
        self._next = max([self._next, *(index + 1 for index in used if FIRST_INDEX <= index < _LAST_INDEX)])


class Install:
    """Writes links through one socket."""

    def __init__(self, sock: NetlinkSocket, indexes: Indexes) -> None:
        self._sock = sock
        self._indexes = indexes

    # ---------------------------------------------------------------------------------------------------------- bridges

    def bridges(self, wanted: Sequence[Bridge]) -> list[str]:
        """Create bridges; one that is there already and ours is brought to what is wanted."""
        indexes = self._indexes.take(len(wanted))
        groups = [
            (
                # An MTU that was ever set stays (BROPT_MTU_SET_BY_USER); one given at creation follows the ports' smallest.
                create_bridge(bridge.name, index=index, mac=parse_mac(bridge.mac), mtu=bridge.mtu - 1),
                add_altnames(index, [altname(bridge.name)]),
                set_link(index, addr_gen_mode_none=True, mtu=bridge.mtu),
            )
            for bridge, index in zip(wanted, indexes, strict=True)
        ]
        errors = self._create(wanted, indexes, groups)
        fresh = [place for place, error in enumerate(errors) if not error and indexes[place]]
        for place in fresh:
            errors[place] = sysctl.write(wanted[place].name, sysctl.QUIET_BRIDGE)
        self._merge(errors, fresh, [(set_link(indexes[place], up=wanted[place].up),) for place in fresh])
        return self._explain(wanted, errors)

    def update_bridges(self, pairs: Sequence[tuple[Bridge, Bridge]]) -> list[str]:
        """Bring bridges of ours from what they are to what is wanted; nothing that agrees is written, as a MAC set again clears rows."""
        errors = [sysctl.write(after.name, sysctl.QUIET_BRIDGE) if not before.quiet_ipv6 else "" for before, after in pairs]
        groups = []
        for before, after in pairs:
            parts = []
            if not before.addr_gen_none:
                parts.append(set_link(name=after.name, addr_gen_mode_none=True))
            if not before.plain:
                parts.append(plain_bridge(after.name))
            if before.mac != after.mac:
                parts.append(set_link(name=after.name, mac=parse_mac(after.mac)))
            if before.mtu != after.mtu:
                parts.append(set_link(name=after.name, mtu=after.mtu))
            if before.up != after.up:
                parts.append(set_link(name=after.name, up=after.up))
            groups.append(tuple(parts))
        self._merge(errors, range(len(pairs)), groups)
        return errors

    # ----------------------------------------------------------------------------------------------------------- VXLANs

    def vxlans(self, wanted: Sequence[VxlanDevice]) -> list[str]:
        """Create VXLAN devices on their bridges; one that is there already and ours is brought to what is wanted."""
        indexes = self._indexes.take(len(wanted))
        masters = our_indexes(self._sock, (device.bridge for device in wanted))
        groups: list[tuple[bytes, ...]] = []
        for device, index in zip(wanted, indexes, strict=True):
            groups.append(
                (
                    create_vxlan(
                        device.name,
                        index=index,
                        vni=device.vni,
                        local=pack_ip(device.local),
                        port=device.udp_port,
                        mtu=device.mtu,
                        master=masters.get(device.bridge, _NO_LINK),
                        group=device.group,
                        learning=device.device_learning,
                        df=int(device.df),
                    ),
                    add_altnames(index, [altname(device.name)]),
                    set_link(index, addr_gen_mode_none=True, port=_vxlan_port(device)),
                )
            )
        errors = self._create(wanted, indexes, groups)
        fresh = [place for place, error in enumerate(errors) if not error and indexes[place]]
        for place in fresh:
            errors[place] = sysctl.write(wanted[place].name, sysctl.NO_IPV6) if wanted[place].ipv6_off else ""
        self._merge(errors, fresh, [(set_link(indexes[place], up=wanted[place].up),) for place in fresh])
        return self._explain(wanted, errors)

    def update_vxlans(self, pairs: Sequence[tuple[VxlanDevice, VxlanDevice]]) -> list[str]:
        """Bring VXLAN devices of ours from what they are to what is wanted."""
        errors = [sysctl.write(after.name, sysctl.NO_IPV6) if after.ipv6_off and not before.ipv6_off else "" for before, after in pairs]
        masters = our_indexes(self._sock, {after.bridge for before, after in pairs if before.bridge != after.bridge})
        groups = []
        for before, after in pairs:
            parts = []
            if (before.local, before.plain) != (after.local, after.plain):
                parts.append(change_vxlan(after))
            if before.bridge != after.bridge:
                parts.append(set_link(name=after.name, master=masters.get(after.bridge, _NO_LINK)))
            if _vxlan_flags(before) != _vxlan_flags(after) or before.bridge != after.bridge:
                parts.append(set_link(name=after.name, port=_vxlan_port(after)))
            if (before.mtu, before.group) != (after.mtu, after.group):
                parts.append(set_link(name=after.name, mtu=after.mtu, group=after.group))
            if before.up != after.up:
                parts.append(set_link(name=after.name, up=after.up))
            groups.append(tuple(parts))
        self._merge(errors, range(len(pairs)), groups)
        return errors

    # ------------------------------------------------------------------------------------------------------------- taps

    def taps(self, pairs: Sequence[tuple[Tap | None, Tap]]) -> list[str]:
        """Attach taps and fix their MACs. A tap goes up last: a port never sends before it is locked."""
        errors = [""] * len(pairs)
        links = get_links(self._sock, {name for _, tap in pairs for name in (tap.name, tap.bridge)})
        groups: list[tuple[bytes, ...]] = []
        for place, (_, tap) in enumerate(pairs):
            link, bridge = links.get(tap.name), links.get(tap.bridge)
            if link is None or bridge is None or not is_ours(bridge) or is_ours(link):
                missing = tap.name if link is None or is_ours(link) else tap.bridge
                errors[place] = f"attach {tap.name} to {tap.bridge}: no link {missing} that can serve (errno {errno.ENODEV})"
                groups.append(())
                continue
            # The group first: what is forwarded to or from a port without it takes the long way through the filters.
            parts = [set_link(link.index, mtu=tap.mtu, group=tap.group)] if (link.mtu, link.group) != (tap.mtu, tap.group) else []
            if link.master != bridge.index:
                if link.master:
                    parts.append(set_link(link.index, master=0))
                parts.append(set_link(link.index, master=bridge.index))
            parts += [set_link(link.index, port=_tap_port(tap)), flush_port(link.index)]
            groups.append(tuple(parts))
        self._merge(errors, range(len(pairs)), groups)
        ready = [place for place, error in enumerate(errors) if not error]
        for place in ready:
            before, tap = pairs[place]
            errors[place] = self._fix_macs(links[tap.name].index, before, tap)
        up = [place for place in ready if not errors[place] and links[pairs[place][1].name].up != pairs[place][1].up]
        self._merge(errors, up, [(set_link(links[pairs[p][1].name].index, up=pairs[p][1].up),) for p in up])
        return errors

    def _fix_macs(self, index: int, before: Tap | None, tap: Tap) -> str:
        put = np.array([parse_mac(mac) for mac in sorted(tap.macs)], np.uint64)
        # What was learnt went with the port's flush; a loose row of a wanted MAC becomes sticky by the put.
        stale = {mac.removesuffix(LOOSE) for mac in (before.macs if before else ()) if not mac.endswith(LEARNT)} - tap.macs
        drop = np.array([parse_mac(mac) for mac in sorted(stale)], np.uint64)
        failures = self._sock.batch(encode_bridge_fdb(put, index))
        failures += [each for each in self._sock.batch(encode_bridge_fdb(drop, index, "delete")) if each.errno not in _GONE]
        return _text(f"fix MACs to {tap.name}", failures[0]) if failures else ""

    # ------------------------------------------------------------------------------------------------------------ common

    def _create(self, wanted: Sequence[Resource], indexes: list[int], groups: Sequence[tuple[bytes, ...]]) -> list[str]:
        """Send one group of messages per link; a link whose mark or settings were refused is taken back."""
        errors = [""] * len(wanted)
        failures = self._send(groups)
        if any(failure.errno == errno.EBUSY for place in failures.values() for failure in place[:1]):
            self._indexes.take(4096)  # an index was taken: somebody else asks for indexes too
        undo = []
        for place, found in failures.items():
            kind, name = wanted[place].key
            errors[place] = _text(f"create {kind} {name}", found[0])
            if not any(failure.index == 0 for failure in found):
                undo.append(delete_link(indexes[place]))
        if undo:
            self._sock.batch(undo)
        return errors

    def _explain(self, wanted: Sequence[Bridge] | Sequence[VxlanDevice], errors: list[str]) -> list[str]:
        """Return the errors, saying what holds a name that was taken. One of ours that was renamed gets its name back."""
        taken = [place for place, error in enumerate(errors) if f"(errno {errno.EEXIST})" in error]
        names = [wanted[place].name for place in taken]
        links = get_links(self._sock, [*names, *map(altname, names)])
        renames: list[bytes] = []
        for place, name in zip(taken, names, strict=True):
            ours = links.get(altname(name))
            if ours is not None and ours.name != name:
                errors[place] += f"; it was renamed to {ours.name} and is renamed back"
                renames.append(set_link(ours.index, rename=name))
            elif name in links:
                errors[place] += "; it came up meanwhile" if ours is not None else "; there is one without our mark: rename or delete it"
        self._sock.batch(renames)
        return errors

    def _merge(self, errors: list[str], places: Iterable[int], groups: Sequence[tuple[bytes, ...]]) -> None:
        """Send groups for some places and note what was refused."""
        at = list(places)
        for number, found in self._send(groups).items():
            errors[at[number]] = errors[at[number]] or _text("set up link", found[0])

    def _send(self, groups: Sequence[tuple[bytes, ...]]) -> dict[int, list[Failure]]:
        """Send groups of messages in one batch; return what was refused by group, indexes counted within the group."""
        flat = [part for group in groups for part in group]
        if not flat:
            return {}
        owner = [(number, within) for number, group in enumerate(groups) for within in range(len(group))]
        found: dict[int, list[Failure]] = {}
        for failure in self._sock.batch(Batch.of(flat)):
            number, within = owner[failure.index]
            found.setdefault(number, []).append(Failure(within, failure.errno, failure.text))
        return found


def _text(what: str, failure: Failure) -> str:
    return f"{what}: {failure.text or os.strerror(failure.errno)} (errno {failure.errno})"


def _vxlan_flags(device: VxlanDevice) -> tuple[bool, ...]:
    return (device.port_learning, device.neigh_suppress, device.flood, device.mcast_flood, device.bcast_flood, device.plain)


def _vxlan_port(device: VxlanDevice) -> PortFlags:
    return PortFlags(
        learning=device.port_learning,
        neigh_suppress=device.neigh_suppress,
        flood=device.flood,
        mcast_flood=device.mcast_flood,
        bcast_flood=device.bcast_flood,
        locked=False,
        isolated=False,
    )


def _tap_port(tap: Tap) -> PortFlags:
    return PortFlags(
        locked=tap.locked,
        learning=tap.learning,
        flood=tap.flood,
        mcast_flood=tap.plain,
        bcast_flood=tap.plain,
        isolated=False,
        neigh_suppress=False,
    )

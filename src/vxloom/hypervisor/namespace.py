"""Guests that are network namespaces: a VM's network card is one end of a veth pair, its tap the other.

A guest is pinned as ``ip netns`` does (``/run/netns/<VM name>.<first 8 of the VM id>``), so it outlives the agent and
``ip netns exec`` reaches it. Moving such a guest is a stop here and a start there; nothing of its memory moves.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vxloom.errors import DataplaneError
from vxloom.hypervisor.registry import Given, Registry
from vxloom.hypervisor.source import Plug, wanted_up
from vxloom.model.host import PortDocument

NETNS = Path("/run/netns")
_CARD_INDEX = 1_900_000_000
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_ABSENT = (
    "Cannot find device",
    "No such file or directory",
    "does not exist",
    "No such process",  # a route
    "Cannot assign requested address",  # an IPv4 address
    "address not found",  # an IPv6 address
)


def guest_name(port: PortDocument) -> str:
    """Return the namespace's name: readable, and unique although tenants may give VMs the same name.

    It names files, so nothing of what people called their VM can lead out of their folder.
    """
    return f"{_ODD.sub('-', port.vm_name)[:64]}.{_ODD.sub('-', port.vm)[:8]}"


def entrance(port: PortDocument) -> tuple[Path, str]:
    """Return the namespace of a port's guest and the card in it that is the other end of its tap."""
    return NETNS / guest_name(port), _card(port)


class NamespaceSource:
    """Network namespaces as guests. ``registry`` is a directory of ours that says which namespace belongs to which NICs."""

    def __init__(self, registry: Path) -> None:
        self._registry = Registry(registry)

    def ensure(self, ports: Sequence[PortDocument], mtus: dict[int, int]) -> tuple[Plug, ...]:
        """See :class:`vxloom.hypervisor.source.Source`."""
        guests: dict[str, list[PortDocument]] = defaultdict(list)
        for port in ports:
            guests[guest_name(port)].append(port)
        plugs: list[Plug] = []
        for name, nics in guests.items():
            try:
                plugs += self._ensure_guest(name, nics, mtus)
            except DataplaneError as error:
                plugs += [Plug(port.nic, port.tap, "absent", str(error)) for port in nics]
        return tuple(plugs)

    def remove(self, keep: Sequence[PortDocument], *, prune: bool) -> tuple[str, ...]:
        """See :class:`vxloom.hypervisor.source.Source`. One that cannot be removed keeps none of the others."""
        kept = {port.nic for port in keep}
        removed: list[str] = []
        failed: list[DataplaneError] = []
        for name in list(self._registry.names()) if prune else ():
            try:
                removed += self._remove_guest(name, kept)
            except DataplaneError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return tuple(removed)

    def _remove_guest(self, name: str, kept: set[str]) -> tuple[str, ...]:
        nics = self._registry.read(name)
        gone = {nic: given for nic, given in nics.items() if nic not in kept}
        if not gone:
            return ()
        for given in gone.values():
            _ip("link", "del", given.tap, missing_ok=True)
        left = {nic: given for nic, given in nics.items() if nic in kept}
        if left:
            self._registry.write(name, left)
        else:
            _destroy(name)
            self._registry.forget(name)
        return tuple(gone)

    def _ensure_guest(self, name: str, ports: Sequence[PortDocument], mtus: Mapping[int, int]) -> list[Plug]:
        """Make or mend a guest and these of its cards. Raises ``DataplaneError`` where there can be no guest at all."""
        recorded = self._registry.read(name)
        wanted = {port.nic: Given.of(port) for port in ports}
        # Before anything is done: a crash here leaves nothing unaccounted for.
        both = recorded | {nic: recorded[nic].beside(given) if nic in recorded else given for nic, given in wanted.items()}
        if both != recorded:
            self._registry.write(name, both)
        if not _pinned(name):
            if (NETNS / name).exists():  # the name without the namespace: somebody was killed half-way
                _ip("netns", "del", name)
            _ip("netns", "add", name)
        for port in ports:  # all of them first: the way out may go from one card to another
            _take_back(name, port, both[port.nic])
        plugs = [_plug(name, port, mtus.get(port.vni, 1450)) for port in ports]
        settled = both | {plug.nic: wanted[plug.nic] for plug in plugs if plug.state == "running"}
        if settled != both:
            self._registry.write(name, settled)
        return plugs


def _card(port: PortDocument) -> str:
    return f"eth{port.position}"


def _plug(name: str, port: PortDocument, mtu: int) -> Plug:
    """Make or mend one card of a guest, tap and all."""
    up = wanted_up(port)
    try:
        shown = _shown(name, port)
        if shown is None or not _joined(shown, port, name):
            _make_card(name, port, mtu)
            shown = _shown(name, port) or {}
        _set_card(name, port, shown, mtu, up=up)
    except DataplaneError as error:
        return Plug(port.nic, port.tap, "absent", str(error))
    return Plug(port.nic, port.tap, "running" if up else "prepared")


def _pinned(name: str) -> bool:
    """Tell whether the name holds a namespace: then it is a mount of its own."""
    try:
        return (NETNS / name).stat().st_dev != NETNS.stat().st_dev
    except OSError:
        return False


def _shown(name: str, port: PortDocument) -> dict[str, Any] | None:
    """Return the guest's card as iproute2 shows it, None when there is none."""
    text = _ip("-n", name, "-j", "addr", "show", "dev", _card(port), missing_ok=True)
    found = [link for link in json.loads(text or "[]") if link]
    return found[0] if found else None


def _joined(shown: Mapping[str, Any], port: PortDocument, name: str) -> bool:
    """Tell whether card and tap are the two ends of one wire. Raises ``DataplaneError`` while the card is another NIC's."""
    if shown.get("link_index") == _index(port.tap):
        return True
    text = f"the guest has a {_card(port)} whose other end is not {port.tap}; it is tried again when that one has gone"
    raise DataplaneError(name, "plug into", errno.EEXIST, text)


def _index(link: str) -> int:
    try:
        return socket.if_nametoindex(link)
    except OSError:
        return 0


def _take_back(name: str, port: PortDocument, given: Given) -> None:
    """Remove from a running guest's card what it was given and is not to have any more; what it gave itself is its own business.

    The kernel may remove more (an address's secondaries, routes over it): what is still wanted is added again afterwards.
    """
    wanted = Given.of(port)
    card = _card(port)
    if not wanted_up(port):
        return
    for gateway in given.gateways:
        if gateway not in wanted.gateways:
            family = "-6" if ":" in gateway else "-4"
            _ip("-n", name, family, "route", "del", "default", "via", gateway, "dev", card, missing_ok=True)
    for address in given.ips:
        if address not in wanted.ips:
            _ip("-n", name, "addr", "del", address, "dev", card, missing_ok=True)


def _make_card(name: str, port: PortDocument, mtu: int) -> None:
    card, size = _card(port), str(mtu)
    if _index(port.tap):
        _clear(port.tap)
    _ip("-n", name, "link", "set", "lo", "up")
    # An index no tap has: where both ends of a veth have the same index the kernel takes the link for a plain device and
    # reports its carrier up to a second late (linkwatch_urgent_event, net/core/link_watch.c; measured on 6.18).
    index = str(_CARD_INDEX + port.position)
    # fmt: off
    _ip("-n", name, "link", "add", "name", card, "index", index, "mtu", size, "address", port.mac, "type", "veth",
        "peer", "name", port.tap, "mtu", size, "netns", str(threading.get_native_id()))
    # fmt: on
    switch = Path(f"/proc/sys/net/ipv6/conf/{port.tap}/disable_ipv6")  # a tap is a wire; the host says nothing on it
    try:
        switch.write_text("1")
    except FileNotFoundError:
        return  # a kernel without IPv6 says nothing anyway
    except OSError as error:
        raise DataplaneError(port.tap, "disable IPv6 on", error.errno or errno.EIO) from error


def _clear(tap: str) -> None:
    """Remove a tap whose guest has lost its namespace's name; anything but a veth is somebody else's."""
    link = json.loads(_ip("-j", "-d", "link", "show", "dev", tap))[0]
    kind = link.get("linkinfo", {}).get("info_kind", "device")
    if kind != "veth":
        raise DataplaneError(tap, "make", errno.EEXIST, f"a {kind} of that name is somebody else's; remove it: ip link del {tap}")
    _ip("link", "del", tap, missing_ok=True)


def _set_card(name: str, port: PortDocument, link: Mapping[str, Any], mtu: int, *, up: bool) -> None:
    """Bring the guest's card to its state. Addresses go with the link: IPv6 ones are lost when it goes down.

    Addresses are only added: see :func:`_take_back`.
    """
    card = _card(port)
    if (link.get("mtu"), link.get("address")) != (mtu, port.mac.lower()):
        _ip("-n", name, "link", "set", card, "mtu", str(mtu), "address", port.mac)
    if ("UP" in link.get("flags", ())) != up:
        _ip("-n", name, "link", "set", card, "up" if up else "down")
    if not up:
        return
    have = {f"{a['local']}/{a['prefixlen']}" for a in link.get("addr_info", ()) if a["scope"] == "global"}
    for address in port.ips:
        if address not in have:
            _ip("-n", name, "addr", "add", address, "dev", card, *(("nodad",) if ":" in address else ()))
    if port.gateway:
        family = "-6" if ":" in port.gateway else "-4"
        if not _ip("-n", name, family, "route", "show", "default").strip():
            _ip("-n", name, family, "route", "add", "default", "via", port.gateway, "dev", card)


def _destroy(name: str) -> None:
    """Remove a guest and what runs in it: a process would keep the namespace alive unseen."""
    if not _pinned(name):
        (NETNS / name).unlink(missing_ok=True)
        return
    for pid in _ip("netns", "pids", name).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended meanwhile: what was wanted
    _ip("netns", "del", name)


def _ip(*arguments: str, missing_ok: bool = False) -> str:
    """Run iproute2; raises :class:`DataplaneError` with its words."""
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise DataplaneError("guest", "run ip for", error.errno or errno.EIO, f"{error.strerror}: is iproute2 installed?") from error
    if done.returncode and not (missing_ok and any(text in done.stderr for text in _ABSENT)):
        raise DataplaneError("guest", f"ip {' '.join(arguments)}", done.returncode, done.stderr.strip())
    return done.stdout

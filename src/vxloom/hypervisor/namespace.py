"""Guests that are network namespaces: a VM's network card is one end of a veth pair, its tap the other.

A guest is pinned as ``ip netns`` does (``/run/netns/<VM name>.<first 8 of the VM id>``), so it outlives the agent and
``ip netns exec`` reaches it. Moving such a guest is a stop here and a start there; nothing of its memory moves.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from vxloom.errors import DataplaneError
from vxloom.hypervisor.source import Plug, wanted_up
from vxloom.model.host import PortDocument

NETNS = Path("/run/netns")
_CARD_INDEX = 1_900_000_000
_ABSENT = ("Cannot find device", "No such file or directory", "does not exist")


def guest_name(port: PortDocument) -> str:
    """Return the namespace's name: readable, and unique although tenants may give VMs the same name."""
    return f"{port.vm_name}.{port.vm[:8]}"


class NamespaceSource:
    """Network namespaces as guests. ``registry`` is a directory of ours that says which namespace belongs to which NICs."""

    def __init__(self, registry: Path) -> None:
        self._registry = registry

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
        """See :class:`vxloom.hypervisor.source.Source`."""
        kept = {port.nic for port in keep}
        removed: list[str] = []
        if not prune or not self._registry.is_dir():
            return ()
        for record in sorted(self._registry.iterdir()):
            nics: dict[str, str] = json.loads(record.read_text())
            gone = {nic: tap for nic, tap in nics.items() if nic not in kept}
            if not gone:
                continue
            for tap in gone.values():
                _ip("link", "del", tap, missing_ok=True)
            left = {nic: tap for nic, tap in nics.items() if nic in kept}
            if left:
                self._record(record.name, left)
            else:
                _destroy(record.name)
                record.unlink()
            removed += gone
        return tuple(removed)

    def _ensure_guest(self, name: str, ports: Sequence[PortDocument], mtus: Mapping[int, int]) -> list[Plug]:
        if not (NETNS / name).exists():
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        taps = {port.nic: port.tap for port in ports}
        if self._recorded(name) != taps:  # before the device exists: a crash here leaves nothing unaccounted for
            self._record(name, self._recorded(name) | taps)
        plugs = []
        for port in ports:
            if not Path(f"/sys/class/net/{port.tap}").exists():
                _make_card(name, port, mtus.get(port.vni, 1450))
            up = wanted_up(port)
            _set_card(name, port, up=up)
            plugs.append(Plug(port.nic, port.tap, "running" if up else "prepared"))
        return plugs

    def _recorded(self, name: str) -> dict[str, str]:
        record = self._registry / name
        if not record.exists():
            return {}
        nics: dict[str, str] = json.loads(record.read_text())
        return nics

    def _record(self, name: str, nics: Mapping[str, str]) -> None:
        self._registry.mkdir(parents=True, exist_ok=True)
        draft = self._registry.parent / f".{name}.draft"
        draft.write_text(json.dumps(dict(nics)))
        draft.replace(self._registry / name)


def _card(port: PortDocument) -> str:
    return f"eth{port.position}"


def _make_card(name: str, port: PortDocument, mtu: int) -> None:
    card, size = _card(port), str(mtu)
    # An index no tap has: where both ends of a veth have the same index the kernel takes the link for a plain device and
    # reports its carrier up to a second late (linkwatch_urgent_event, net/core/link_watch.c; measured on 6.18).
    index = str(_CARD_INDEX + port.position)
    # fmt: off
    _ip("-n", name, "link", "add", "name", card, "index", index, "mtu", size, "address", port.mac, "type", "veth",
        "peer", "name", port.tap, "mtu", size, "netns", str(os.getpid()))
    # fmt: on
    Path(f"/proc/sys/net/ipv6/conf/{port.tap}/disable_ipv6").write_text("1")  # a tap is a wire; the host says nothing on it


def _set_card(name: str, port: PortDocument, *, up: bool) -> None:
    """Bring the guest's card to its state. Addresses go with the link: IPv6 ones are lost when it goes down."""
    card = _card(port)
    shown = _ip("-n", name, "-j", "addr", "show", "dev", card)
    link = json.loads(shown)[0]
    if ("UP" in link["flags"]) != up:
        _ip("-n", name, "link", "set", card, "up" if up else "down")
    if not up:
        return
    have = {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"}
    for address in port.ips:
        if address not in have:
            _ip("-n", name, "addr", "add", address, "dev", card, *(("nodad",) if ":" in address else ()))
    if port.gateway and not _ip("-n", name, "route", "show", "default").strip():
        _ip("-n", name, "route", "add", "default", "via", port.gateway, "dev", card)


def _destroy(name: str) -> None:
    """Remove a guest and what runs in it: a process would keep the namespace alive unseen."""
    if not (NETNS / name).exists():
        return
    for pid in _ip("netns", "pids", name).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended meanwhile: what was wanted
    _ip("netns", "del", name)


def _ip(*arguments: str, missing_ok: bool = False) -> str:
    """Run iproute2; raises :class:`DataplaneError` with its words."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode and not (missing_ok and any(text in done.stderr for text in _ABSENT)):
        raise DataplaneError("guest", f"ip {' '.join(arguments)}", done.returncode, done.stderr.strip())
    return done.stdout

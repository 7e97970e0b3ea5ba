"""Whether a card's offloads corrupt what is sent through them: frames in a tunnel to a host that answers, every byte compared.

The tunnel's ends are in network namespaces of their own (:mod:`vxloom.prepare.echo`), the tunnel itself is in the machine's: its frames go
through the card as guests' do. Nothing is left when a run is killed: the devices go with the processes.

What it cannot see: a fault that needs another pattern, another length, or hours; a checksum that the card wrongly calls right (nothing here
sends a wrong one on purpose); and, where a bond has several cards, those that none of the few connections happened to go by.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from vxloom.errors import PrepareError
from vxloom.prepare import echo, labels, nic
from vxloom.prepare.change import Before, Change
from vxloom.prepare.guard import watched
from vxloom.prepare.machine import Machine
from vxloom.settings import HostSettings

RECORD = "/var/lib/vxloom/host/offloads.json"
_VNI, _PORT = 0xFFFFFF, 4789
"""A VNI no network has: CloudStack gives out 16777214 at the most."""
_TRIES, _PAUSE = 50, 0.1
_PATIENCE = 300.0
"""Seconds until a trial that hangs has its offloads put back."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial of a card showed."""

    card: str
    """Driver and firmware: another one is to be tried again."""
    peer: str
    corrupt: dict[str, str]
    """Offload → what went wrong with it on."""


def record(machine: Machine) -> dict[str, Finding]:
    """Return what is known, by device. Raises :class:`PrepareError` for a file that is damaged."""
    text = machine.read(RECORD)
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Finding])
    except msgspec.DecodeError as error:
        raise PrepareError(f"{RECORD} cannot be read: {error}", remedy="remove it: the cards are tried again") from error


def found(machine: Machine, device: str) -> Finding | None:
    """Return what is known of a card as it is now, None when it was not tried."""
    known = record(machine).get(device)
    return known if known and known.card == _card(machine, device) else None


def keep(machine: Machine, device: str, finding: Finding) -> None:
    """Remember."""
    whole = record(machine) | {device: finding}
    machine.write(RECORD, msgspec.json.format(msgspec.json.encode(whole)).decode() + "\n", 0o600)


def judge(machine: Machine, device: str, peer: str, names: Sequence[str]) -> Finding:
    """Send frames through a card; where they arrive wrong find out by which of these offloads, and leave those off.

    Raises :class:`PrepareError`, the offloads as they were, when it is none of them.
    """
    mtu = _way(machine, device, peer)
    corrupt: dict[str, str] = {}
    if words := _attempt(machine, peer, mtu) and _attempt(machine, peer, mtu):  # once may be chance
        has = nic.features(machine, device)
        on = [name for name in names if name in has and has[name].on]
        with _put_back(machine, device, on):
            _turn(machine, device, "off", on[::-1])
            if _attempt(machine, peer, mtu):
                raise PrepareError(
                    f"frames through {device} to {peer} do not arrive as they were sent ({words}), with its offloads off neither",
                    remedy="does vxloom host echo run there? else it is that host's card, or the way between",
                )
            corrupt = _tell_apart(on, words, lambda value, some: _turn(machine, device, value, some), lambda: _attempt(machine, peer, mtu))
    return Finding(card=_card(machine, device), peer=peer, corrupt=corrupt)


def _tell_apart(left: Sequence[str], words: str, turn: Callable[[str, Sequence[str]], None], attempt: Callable[[], str]) -> dict[str, str]:
    """Return which offloads frames go wrong with; they are off, the others on. Before: all are off, and with all on it was ``words``.

    The first that is wrong is the last of the shortest beginning that is wrong: found by halves.
    """
    corrupt: dict[str, str] = {}
    while words:
        good, bad = 0, len(left)
        while bad - good > 1:
            middle = (good + bad) // 2
            turn("off", left[middle:bad][::-1])
            turn("on", left[good:middle])
            if found := attempt():
                bad, words = middle, found
            else:
                good = middle
        corrupt[left[good]] = words
        turn("off", [left[good]])
        left = left[bad:]
        turn("on", left)
        words = attempt() if left else ""
    return corrupt


def serve(machine: Machine, settings: HostSettings, address: str, say: Callable[[str], None]) -> None:
    """Be the far end of other hosts' trials, until interrupted. Raises :class:`PrepareError`.

    ``address``: this host's, where its tunnels' underlay is IPv6.
    """
    whole = labels.stack(machine.links(), settings.labels.get("Guest") or machine.way_out())
    mtu = min([link.mtu for link in whole] or [1500]) - 70
    tunnel = ("local", _address(address)) if address else ()
    with _end(machine, "far", echo.FAR, mtu, tunnel) as process:
        line = _line(process)
        say(line or "the far end did not start")
        process.wait()


def _turn(machine: Machine, device: str, value: str, names: Sequence[str]) -> None:
    if names:
        machine.must("ethtool", "-K", device, *(word for name in names for word in (name, value)))


@contextlib.contextmanager
def _put_back(machine: Machine, device: str, names: Sequence[str]) -> Iterator[None]:
    """Have the offloads on again if the trial fails, hangs or is killed."""
    with watched(lambda: _turn(machine, device, "on", names), _PATIENCE) as say_done:
        try:
            yield
        except BaseException:
            _turn(machine, device, "on", names)
            raise
        finally:
            say_done()


def _way(machine: Machine, device: str, peer: str) -> int:
    """Return the MTU inside a tunnel to the peer. Raises :class:`PrepareError` when the way is not through the device."""
    address, links = _address(peer), machine.links()
    told = re.search(r"\bdev (\S+)", machine.must("ip", "route", "get", address))
    out = told[1] if told else ""
    if device not in labels.hardware(links, out):
        raise PrepareError(
            f"the way to {peer} is by {out or 'nothing'}, not by {device}",
            remedy="name a host of the underlay as offload_peer in host.toml",
        )
    return min(link.mtu for link in labels.stack(links, out)) - (70 if ":" in address else 50)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise PrepareError(f"{text} is no IP address", remedy="give the address of that host's tunnels") from error


def _attempt(machine: Machine, peer: str, mtu: int) -> str:
    """Return what went wrong with the frames, "" if nothing did. Cards treat tunnels with and without an outer checksum as two things."""
    address = _address(peer)
    for outer in ("udpcsum",) if ":" in address else ("udpcsum", "noudpcsum"):  # over IPv6 a checksum is a must (RFC 8200 section 8.1)
        near = f"198.18.{1 + os.urandom(1)[0] % 254}.{1 + os.urandom(1)[0] % 254}"
        with _end(machine, "near", near, mtu, ("remote", address, outer)) as process:
            words = _line(process)
            if process.wait() != 0:
                return "the near end did not start"
            if words:
                return words
    return ""


@contextlib.contextmanager
def _end(machine: Machine, end: str, address: str, mtu: int, tunnel: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Start one end; its tunnel goes with it."""
    command = ("setpriv", "--pdeathsig", "KILL", "unshare", "--net", sys.executable, "-P", "-m", echo.__name__, end, address, str(mtu))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if _line(process) != "ready":
                raise PrepareError("no network namespace can be made here", remedy="run as root")
            _connect(machine, process.pid, tunnel)
            if process.stdin:
                process.stdin.write("go\n")
                process.stdin.flush()
            yield process
        finally:
            process.kill()


def _connect(machine: Machine, pid: int, tunnel: Sequence[str]) -> None:
    """Make the tunnel, with its end in a process's namespace. That of a killed trial goes some time after its process."""
    command = ("ip", "link", "add", echo.DEVICE, "netns", str(pid), "type", "vxlan", "id", str(_VNI), "dstport", str(_PORT), *tunnel)
    done = machine.run(*command)
    for _ in range(_TRIES):
        if "already exists" not in done.words:
            break
        time.sleep(_PAUSE)
        done = machine.run(*command)
    if done.status:
        raise PrepareError(f"no tunnel for the trial: {done.words}", remedy=f"does a trial run already? else see ip -d link for VNI {_VNI}")


def _line(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline().strip() if process.stdout else ""


def _card(machine: Machine, device: str) -> str:
    told = machine.run("ethtool", "-i", device).output
    return ", ".join(re.findall(r"^(?:driver|version|firmware-version): (.+)$", told, re.MULTILINE))


class TryOffloads(Change, frozen=True, kw_only=True, tag="try"):
    """Frames sent through a card to a host that answers; what is remembered of it. Offloads that corrupt them are left off."""

    device: str
    peer: str
    names: tuple[str, ...]

    @property
    def slot(self) -> str:
        """What is known of the card."""
        return f"trial of {self.device}"

    @property
    def what(self) -> str:
        """Try it."""
        return f"send frames through {self.device} to {self.peer} and compare every byte"

    def done(self, machine: Machine) -> bool:
        """Tell whether this card was tried."""
        return found(machine, self.device) is not None

    def before(self, machine: Machine) -> Before:
        """Remember what was known."""
        return {"text": machine.read(RECORD)}

    def do(self, machine: Machine) -> None:
        """Try it."""
        keep(machine, self.device, judge(machine, self.device, self.peer, self.names))

    def undo(self, machine: Machine, before: Before) -> None:
        """Forget what was found."""
        if before["text"] is None:
            machine.remove(RECORD)
        else:
            machine.write(RECORD, str(before["text"]), 0o600)

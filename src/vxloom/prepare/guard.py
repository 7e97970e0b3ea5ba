"""Changes that can cut a machine off are taken back by themselves: when what answered before does not answer after, or when we are killed.

Before the changes: who answers now (the gateways, the management servers, whoever typed the command). A second process waits beside us; if
it does not hear from us in time, because we hang or were killed with the connection we came by, it puts everything back. After the changes
everybody who answered must answer again within a few seconds.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping

from vxloom.errors import PrepareError
from vxloom.prepare import management
from vxloom.prepare.machine import Machine

_TRIES, _PAUSE = 10, 0.5
"""After the changes: a link may take some seconds to come back."""
_WATCH = 60.0
"""Seconds the second process waits for our word."""


def gateways(machine: Machine) -> list[str]:
    """Return the addresses of the default routes' gateways."""
    found: list[str] = []
    for family in ("-4", "-6"):
        shown = machine.run("ip", family, "route", "show", "default").output
        found += [
            f"{address}%{device}" if address.startswith("fe80:") else address
            for address, device in re.findall(r"via (\S+) dev (\S+)", shown)
        ]
    return found


def guarded(machine: Machine, mtus: Mapping[str, int]) -> contextlib.AbstractContextManager[None]:
    """Run changes of these devices' MTUs (device → MTU now); see :func:`taken_back`.

    Gateways must then take packets of the new length, too: a switch that does not carry them drops them without a word, and a connection
    that sends more than a few bytes hangs.
    """
    return taken_back(machine, lambda: _put_back(mtus), longer=bool(mtus))


@contextlib.contextmanager
def taken_back(machine: Machine, put_back: Callable[[], None], *, longer: bool = False) -> Iterator[None]:
    """Run changes that ``put_back`` takes back, however many of them were made.

    ``longer``: gateways that answered the longest packet before must answer the longest after.

    Raises :class:`PrepareError` when somebody answers no more: all is then as it was.
    """
    answering = [address for address in dict.fromkeys([*gateways(machine), *management.addresses(machine)]) if _answers(machine, address)]
    near = [address for address in gateways(machine) if longer and address in answering and _answers(machine, address, longest=True)]
    with watched(put_back) as say_done:
        try:
            yield
            lost = [address for address in answering if not _comes_back(machine, address)]
            lost += [f"{address} (to packets of the new length)" for address in near if not lost and not _takes(machine, address)]
        except BaseException:
            put_back()
            say_done()
            raise
        if lost:
            put_back()
        say_done()
    if lost:
        raise PrepareError(
            f"after the change {', '.join(lost)} did not answer any more; what was changed is as it was",
            remedy="see what the switches and the other side take (their MTU, their LACP), then ask for that",
        )


def _answers(machine: Machine, address: str, *, longest: bool = False) -> bool:
    """Ask once. ``longest``: with a packet that fills the MTU of the device it goes by, and may not be fragmented."""
    size = ("-M", "do", "-s", str(_room(machine, address))) if longest else ()
    return machine.run("ping", "-n", "-c", "1", "-W", "1", *size, address, patience=5).status == 0


def _takes(machine: Machine, address: str) -> bool:
    return any(_answers(machine, address, longest=True) for _ in range(3))


def _room(machine: Machine, address: str) -> int:
    """Return how many bytes fit into one echo request: the MTU but the headers of IP and ICMP."""
    told = re.search(r"\bdev (\S+)", machine.run("ip", "route", "get", address.partition("%")[0]).output)
    device = address.partition("%")[2] or (told[1] if told else "")
    link = machine.links().get(device)
    return (link.mtu if link else 1500) - (48 if ":" in address else 28)


def _comes_back(machine: Machine, address: str) -> bool:
    for left in reversed(range(_TRIES)):
        if _answers(machine, address):
            return True
        if left:
            time.sleep(_PAUSE)
    return False


@contextlib.contextmanager
def watched(put_back: Callable[[], None], patience: float = _WATCH) -> Iterator[Callable[[], None]]:
    """Have a process of its own session put things back unless it is told within ``patience`` seconds that all is well."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        _watch(reader, put_back, patience)
    os.close(reader)

    def say_done() -> None:
        os.write(writer, b"!")

    try:
        yield say_done
    finally:
        os.close(writer)
        os.waitpid(pid, 0)


def _watch(reader: int, put_back: Callable[[], None], patience: float) -> None:
    """The other process's whole life; it outlives a hang-up of the terminal."""
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ready, _, _ = select.select([reader], [], [], patience)
    if not ready or os.read(reader, 1) != b"!":
        with contextlib.suppress(PrepareError):
            put_back()
    os._exit(0)


def _put_back(mtus: Mapping[str, int]) -> None:
    for device, mtu in mtus.items():
        with contextlib.suppress(OSError):
            subprocess.run(["ip", "link", "set", "dev", device, "mtu", str(mtu)], check=False, capture_output=True)

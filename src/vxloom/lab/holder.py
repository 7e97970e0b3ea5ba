"""The process that is a node: PID 1 of its PID namespace, keeper of all its namespaces.

It sets the node up, then only reaps orphans. It dies with the supervisor (parent-death signal), and everything in the
node dies with it, because the kernel kills a PID namespace whose PID 1 is gone; unnamed namespaces and their mounts
vanish with their last process. Nothing here depends on anybody cleaning up.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from vxloom.errors import VxloomError
from vxloom.lab import rootfs, syscalls, topology
from vxloom.lab.topology import NodeSpec

_NAMESPACES = syscalls.CLONE_NEWNET | syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWCGROUP
_ROUTER_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    # a link that goes down and up again (a fault) must not lose the router's IPv6 address
    "net/ipv6/conf/all/keep_addr_on_down": "1",
    # replies about one node's faults must not be rationed because of another's
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv6/icmp/ratelimit": "0",
}


class Held(msgspec.Struct, frozen=True):
    """A node's holder as the supervisor sees it. ``started`` (clock ticks since boot) tells it from a reused PID."""

    pid: int
    started: int


class Birth:
    """A holder on its way: forked, not ready yet."""

    def __init__(self, node: NodeSpec, hosts: str) -> None:
        """Fork the holder. Call from the single thread that will live as long as the lab: the kernel ties their lives."""
        self.node = node
        self._ready, child_end = os.pipe2(os.O_CLOEXEC)
        self.pid = syscalls.fork_into(syscalls.CLONE_NEWPID | _NAMESPACES)
        if self.pid == 0:
            _live(node, hosts, child_end)
        os.close(child_end)

    def wait(self) -> Held:
        """Until the node's namespaces and mounts stand. Raises ``VxloomError`` with the holder's own words."""
        with os.fdopen(self._ready, "rb") as pipe:
            word = pipe.read()
        if word != b"ready":
            reason = word.decode(errors="replace") or "its first process died"
            raise VxloomError(f"node {self.node.name} could not be set up: {reason}", remedy=_remedy(reason))
        return Held(pid=self.pid, started=start_time(self.pid))


def _remedy(reason: str) -> str:
    if "Operation not permitted" in reason or "Permission denied" in reason:
        return "run as root with the right to mount (a container needs CAP_SYS_ADMIN and no seccomp filter on mount)"
    return "see the kernel log; the lab needs overlay, tmpfs and namespaces (Linux 5.12 or later)"


def start_time(pid: int) -> int:
    """When process ``pid`` began, in clock ticks since boot (field 22 of /proc/PID/stat). ``ProcessLookupError`` if gone or dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    if fields[0] in {"Z", "X"}:
        raise ProcessLookupError(pid)
    return int(fields[19])


def _live(node: NodeSpec, hosts: str, ready: int) -> NoReturn:
    """The holder's whole life; never returns into the supervisor's code."""
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
        _close_all_but(ready)
        syscalls.name_process(f"vxloom-{node.name}")
        socket.sethostname(node.name)
        rootfs.build(node.name, hosts, topology.interfaces_file(node))
        if node.is_router:
            for key, value in _ROUTER_SYSCTLS.items():
                Path("/proc/sys", key).write_text(value, encoding="ascii")
        # If the supervisor died before the parent-death signal was set, nobody reads the pipe: EPIPE ends us here.
        os.write(ready, b"ready")
        os.close(ready)
        _reap()
    except BaseException as error:  # noqa: BLE001 - a fork must never unwind into its parent's stack
        with suppress(OSError):
            os.write(ready, str(error).encode())
    os._exit(1)


def _close_all_but(keep: int) -> None:
    """Drop every inherited handle: the supervisor's lock and sockets must be released when *it* ends."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, keep)
    os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))


def _reap() -> None:
    """PID 1's duty: collect orphans, for ever."""
    while True:
        signal.sigwait({signal.SIGCHLD})
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

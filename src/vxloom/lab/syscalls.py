"""The few Linux calls the lab needs and Python 3.11 does not offer: namespaces, mounts, parent-death signal.

Every function raises ``OSError`` with the kernel's errno and the path or flags concerned.
Numbers: ``<linux/sched.h>``, ``<linux/mount.h>``, ``<linux/prctl.h>``; ``mount_setattr`` is Linux 5.12.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
CLONE_NEWCGROUP = 0x0200_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18

MNT_DETACH = 0x2

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_MOUNT_ATTR_RDONLY = 0x1
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_SYS_MOUNT_SETATTR = 442  # the same on every architecture since the numbering was unified in Linux 5.1

_SYS_CLONE3 = 435  # likewise; Linux 5.3

_libc = ctypes.CDLL(None, use_errno=True)
_libc_with_gil = ctypes.PyDLL(None, use_errno=True)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


class _CloneArgs(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls")
    )


def _check(result: int, what: str) -> None:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def fork_into(flags: int) -> int:
    """Like ``os.fork``, with the child in new namespaces from its first instruction (so it can be PID 1). 0 in the child.

    Only for a process with a single thread, and a child that neither starts threads nor returns to its parent's business:
    Python's and libc's own preparations for a fork are not made. ``unshare`` + ``fork`` would leave the *parent's* later
    children in the new PID namespace, and the way back needs rights that root of a user namespace has not.
    """
    arguments = _CloneArgs(flags=flags, exit_signal=signal.SIGCHLD)
    # The GIL stays held, so that the child has it, too.
    pid: int = _libc_with_gil.syscall(ctypes.c_long(_SYS_CLONE3), ctypes.byref(arguments), ctypes.c_size_t(ctypes.sizeof(arguments)))
    _check(pid, f"clone3({flags:#x})")
    return pid


def unshare(flags: int) -> None:
    """Move the calling process into new namespaces."""
    _check(_libc.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(fd: int, kind: int = 0) -> None:
    """Move the calling *thread* into the namespace behind ``fd``."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), f"setns({kind:#x})")


def mount(source: str, target: str | Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """The mount system call. ``kind`` is the file system type; empty for bind, move and propagation changes."""
    result = _libc.mount(
        source.encode() or None,
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(result, str(target))


def make_read_only(target: str | Path, *, recursive: bool = True) -> None:
    """Forbid writing through this mount (and those below it) without touching the file system itself."""
    attributes = _MountAttr(attr_set=_MOUNT_ATTR_RDONLY)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE if recursive else 0),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, str(target))


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send ``signal_number`` to this process when the *thread* that forked it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number), 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")


def name_process(name: str) -> None:
    """Set what ``ps -o comm`` shows (15 bytes are kept)."""
    _check(_libc.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()), 0, 0, 0), "prctl(PR_SET_NAME)")

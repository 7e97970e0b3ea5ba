"""The one place on the real machine a lab writes to: its state directory, and how it is cleaned whatever happens.

``<base>/<lab>/``: ``lock`` (held by the supervisor for life, so it tells alive from dead), ``control.sock``,
``logs/<node>-<process>.log``. A *sweeper* process removes the directory once the supervisor is gone, also when it was
killed; if the sweeper was killed as well, the next ``lab up`` or ``lab down`` of that name does it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

from vxloom.errors import ConfigError
from vxloom.lab import syscalls

BASE_VARIABLE = "VXLOOM_LAB_DIR"
_DEFAULT_BASE = "/run/vxloom/lab"
_SWEEP_SECONDS = 0.5
_LONGEST_SOCKET_PATH = 107  # sun_path, less its closing zero (unix(7))


def base() -> Path:
    """Where labs keep their state: ``$VXLOOM_LAB_DIR``, else ``/run/vxloom/lab``.

    Root of a user namespace may not write to ``/run``; its labs live under ``$XDG_RUNTIME_DIR`` or the directory for temporary files.
    """
    if chosen := os.environ.get(BASE_VARIABLE):
        return Path(chosen)
    if os.access("/run", os.W_OK):
        return Path(_DEFAULT_BASE)
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), "vxloom", "lab")


def directory(name: str) -> Path:
    """The state directory of lab ``name``. Raises ``ConfigError`` if a socket in it could not be named."""
    path = base().absolute() / name
    if len(os.fsencode(path / "control.sock")) > _LONGEST_SOCKET_PATH:
        raise ConfigError(f"the lab directory {path} is too long for a socket's name", remedy=f"set {BASE_VARIABLE} to a shorter one")
    return path


def names() -> tuple[str, ...]:
    """Labs that have a state directory, dead ones included."""
    try:
        return tuple(sorted(entry.name for entry in base().iterdir() if (entry / "lock").exists()))
    except FileNotFoundError:
        return ()


def take(path: Path) -> int:
    """Lock the lab's directory, made or wiped as needed; ``ConfigError`` if a living lab holds it.

    Returns the lock's descriptor; the lock is released when its last copy closes.
    """
    deadline = time.monotonic() + _SWEEP_SECONDS  # a sweeper may be at work on a lab that just ended
    while True:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = _lock(path)
        if fd is None and time.monotonic() > deadline:
            remedy = f"`vxloom lab down --lab {path.name}` ends it, or choose another name"
            raise ConfigError(f"lab {path.name!r} is already up", remedy=remedy)
        if fd is not None and fd >= 0:
            _empty(path)
            return fd
        time.sleep(0.01)


def sweep(path: Path) -> bool:
    """Remove the state of a dead lab. False if a living lab holds it. A lab that never was counts as swept."""
    if not path.exists():
        return True
    fd = _lock(path)
    if fd is None:
        return False
    if fd >= 0:
        shutil.rmtree(path, ignore_errors=True)
        os.close(fd)
    _remove_empty_parents(path)
    return True


def start_sweeper(path: Path) -> int:
    """Fork the process that outlives the supervisor by an instant, to remove ``path``. Returns its PID.

    It waits for the lock the caller holds, which the kernel releases however the caller ends.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        syscalls.name_process("vxloom-sweep")
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # our copy of the caller's lock among them
        os.chdir("/")
        fd = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_ino == (path / "lock").stat().st_ino:
            shutil.rmtree(path, ignore_errors=True)
            _remove_empty_parents(path)
    finally:
        os._exit(0)


def _lock(path: Path) -> int | None:
    """A locked descriptor; None if somebody else has the lock; -1 if the directory vanished meanwhile: try again."""
    name = path / "lock"
    try:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    try:
        same = os.fstat(fd).st_ino == name.stat().st_ino
    except FileNotFoundError:
        same = False
    if not same:  # a sweeper removed the file between our open and our lock
        os.close(fd)
        return -1
    return fd


def _empty(path: Path) -> None:
    for entry in path.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _remove_empty_parents(path: Path) -> None:
    """Leave no empty ``/run/vxloom/lab`` behind; stop at what somebody else uses."""
    for parent in (base(), base().parent):
        if parent.name not in {"lab", "vxloom"} or parent not in path.absolute().parents:
            return
        try:
            parent.rmdir()
        except OSError:
            return

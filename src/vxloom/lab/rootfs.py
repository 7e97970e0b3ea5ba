"""A node's view of the file system: the real machine's, read-only, with private places to write.

==================  ================================================================================
``/``               the real one, every mount of it read-only
``/etc`` ``/var``   overlay: reads fall through, writes go to memory (a copy where the user namespace forbids
                    that); vxloom's own directories start empty
``/run`` ``/tmp``   empty, in memory; whatever the project's code needs from there is bound back read-only
``/dev``            in memory, with the usual nodes, ``net/tun`` and ``kvm`` if the machine has them
``/proc``           of the node's PID namespace; ``/proc/sys`` read-only except ``/proc/sys/net``
``/sys``            of the node's network namespace; read-only except the network devices
==================  ================================================================================

All of it lives in the node's mount namespace and is gone with its last process. This keeps *accidents* away from the
real machine; a root inside a node who sets out to (``mount -o remount,rw /``) can still undo it. An overlay over the whole
root would not let him, but what is renamed into place below an overlay (as editors and git do) may not be seen above it.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from vxloom.lab import syscalls
from vxloom.lab.syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC

_OVERLAID = ("/etc", "/var")
_EMPTY = ("/run", "/tmp", "/dev/shm")  # noqa: S108 - these are mounted over, not written to
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun", "kvm", "vhost-net", "fuse")
#: The project's own directories: what the real machine keeps there must not configure a node.
_OWN = ("/etc/vxloom", "/var/lib/vxloom", "/var/log/vxloom")
#: What brings the real machine's network up: a node has cards of its own, and a file of its own that tells of them.
_NETWORK = ("/etc/network", "/etc/netplan", "/etc/systemd/network", "/etc/NetworkManager")
_READ_ONLY_PROC = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")


def needed_paths() -> tuple[Path, ...]:
    """Directories without which the project's code does not run: interpreter, virtual environment, checkout.

    Nested ones are left out: ``/tmp/clone`` covers ``/tmp/clone/.venv``.
    """
    package = Path(__file__).resolve().parents[1]
    checkout = next((parent for parent in package.parents if (parent / "pyproject.toml").exists()), package)
    wanted = {Path(sys.prefix), Path(sys.base_prefix), package, checkout, *(Path(entry) for entry in sys.path if entry)}
    wanted |= {path.resolve() for path in wanted}
    found = sorted(path for path in wanted if path.is_absolute() and path.is_dir() and path != Path("/"))
    return tuple(path for path in found if not any(parent in found for parent in path.parents))


def build(hostname: str, hosts: str, interfaces: str) -> None:
    """Turn the calling process's mount namespace (fresh, not shared) into a node's. ``hosts``, ``interfaces``: the texts of /etc/hosts and
    /etc/network/interfaces.

    Must run as PID 1 of the node's PID namespace, inside its network namespace: ``/proc`` and ``/sys`` show those.
    Raises ``OSError`` with the path that could not be mounted.
    """
    syscalls.mount("", "/", flags=MS_REC | MS_PRIVATE)
    kept = _open_covered(needed_paths())
    devices = _open_devices()
    syscalls.make_read_only("/")
    _overlay()
    _process_tables()
    _devices(devices)
    for directory in _EMPTY:
        mode = "0755" if directory == "/run" else "1777"
        syscalls.mount("tmpfs", directory, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")
    for path, fd in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        _bind(fd, path)
        syscalls.make_read_only(path)
    _identity(hostname, hosts, interfaces)
    os.chdir("/")


def _open_covered(paths: tuple[Path, ...]) -> dict[Path, int]:
    """Handles on those needed directories that an empty one is about to hide."""
    covers = tuple(Path(directory) for directory in _EMPTY)
    return {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths if any(cover in path.parents for cover in covers)}


def _open_devices() -> dict[str, int]:
    opened = {}
    for name in _DEVICES:
        with suppress(FileNotFoundError):  # a machine without KVM or vhost is fine; what needs them will say so
            opened[name] = os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC)
    return opened


def _bind(fd: int, target: Path) -> None:
    """Bind what ``fd`` refers to over ``target`` and close ``fd``."""
    syscalls.mount(f"/proc/self/fd/{fd}", target, flags=MS_BIND | MS_REC)
    os.close(fd)


def _overlay() -> None:
    # The layers that take the writes sit on a scratch memory file system which the node's own /run then hides;
    # the overlays keep it alive.
    syscalls.mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    for directory in _OVERLAID:
        if Path(directory).stat().st_uid != os.geteuid():
            _copy(directory)
            continue
        upper, work = Path(f"/run/upper{directory}"), Path(f"/run/work{directory}")
        for path in (upper, work):
            path.mkdir(parents=True)
        options = f"lowerdir={directory},upperdir={upper},workdir={work}"
        syscalls.mount("overlay", directory, "overlay", MS_NODEV, options)


def _copy(directory: str) -> None:
    """In place of an overlay: to the real root's directories, root of a user namespace is nobody, and overlays keep owners."""
    copy = Path(f"/run/copy{directory}")
    if directory == "/etc":
        with suppress(shutil.Error):  # raised at the end for what may not be read (shadow, keys): a node has no use for it
            shutil.copytree(directory, copy, symlinks=True)
    else:
        for name in ("cache", "lib", "log", "spool", "tmp"):
            (copy / name).mkdir(parents=True)
        (copy / "run").symlink_to("/run")
        (copy / "lock").symlink_to("/run/lock")
    syscalls.mount(str(copy), directory, flags=MS_BIND)


def _process_tables() -> None:
    quiet = MS_NOSUID | MS_NODEV | MS_NOEXEC
    syscalls.mount("proc", "/proc", "proc", quiet)
    syscalls.mount("/proc/sys/net", "/proc/sys/net", flags=MS_BIND)
    for path in _READ_ONLY_PROC:
        if Path(path).exists():
            syscalls.mount(path, path, flags=MS_BIND | MS_REC)
            syscalls.make_read_only(path, recursive=False)
    syscalls.mount("sysfs", "/sys", "sysfs", quiet)
    syscalls.mount("/sys/devices/virtual/net", "/sys/devices/virtual/net", flags=MS_BIND)
    syscalls.make_read_only("/sys", recursive=False)


def _devices(opened: dict[str, int]) -> None:
    syscalls.mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=0755")
    for name, fd in opened.items():
        target = Path("/dev", name)
        target.parent.mkdir(exist_ok=True)
        target.touch()
        _bind(fd, target)
    for name, destination in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        Path("/dev", name).symlink_to(destination)
    for name in ("pts", "shm"):
        Path("/dev", name).mkdir()
    syscalls.mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")


def _identity(hostname: str, hosts: str, interfaces: str) -> None:
    for directory in (*_OWN, *_NETWORK):
        shutil.rmtree(directory, ignore_errors=True)
    for directory in ("/etc/vxloom", "/etc/network", "/var/lib/vxloom", "/run/netns", "/run/lock"):
        Path(directory).mkdir(parents=True, exist_ok=True)
    texts = {
        "/etc/hostname": f"{hostname}\n",
        "/etc/hosts": hosts,
        "/etc/network/interfaces": interfaces,
        "/etc/machine-id": f"{os.urandom(16).hex()}\n",
    }
    for path, text in texts.items():
        Path(path).unlink(missing_ok=True)  # a link (say into /run) must not be followed
        Path(path).write_text(text, encoding="utf-8")

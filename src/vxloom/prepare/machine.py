"""The machine that is prepared: its files, kernel settings, links and programs. All input and output of this room is here."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from vxloom.errors import PrepareError

_PATIENCE = 60.0
_CREATE_VM = 0xAE01
"""ioctl KVM_CREATE_VM (linux/kvm.h)."""
_TIMEX, _TIME_ERROR = 512, 5
"""More bytes than any ``struct timex`` has, all 0: nothing is set; what adjtimex(2) answers for a clock that nobody keeps."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a program. ``status`` 127: there is no such program."""

    status: int
    output: str
    errors: str

    @property
    def words(self) -> str:
        """What it said, on one line: its errors, else its output."""
        return " ".join((self.errors or self.output).split())[:500]


class Machine:
    """One machine, seen below ``root`` (``/``, or a folder that holds another system's files)."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    # --- files

    def path(self, name: str) -> Path:
        """Return where a file of the machine's lies."""
        return self.root / name.lstrip("/")

    def exists(self, name: str) -> bool:
        """Tell whether there is such a file or folder."""
        return self.path(name).exists()

    def read(self, name: str) -> str | None:
        """Return a file's text, None when there is none. Raises :class:`PrepareError` when it cannot be read or is no UTF-8."""
        try:
            return self.path(name).read_bytes().decode()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError as error:
            raise PrepareError(f"{name} is not UTF-8 text", remedy="mend the file, or leave this step out with --skip") from error
        except OSError as error:
            raise PrepareError(f"cannot read {name}: {error.strerror}", remedy="run as root") from error

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; empty when there is none."""
        try:
            return sorted(entry.name for entry in self.path(folder).iterdir())
        except OSError:
            return []

    def mode(self, name: str) -> int | None:
        """Return a file's permission bits, None when there is no such file."""
        try:
            return stat.S_IMODE(self.path(name).stat().st_mode)
        except OSError:
            return None

    def owner(self, name: str) -> tuple[int, int] | None:
        """Return the ids of a file's user and group, None when there is no such file."""
        try:
            found = self.path(name).stat()
        except OSError:
            return None
        return found.st_uid, found.st_gid

    def link(self, name: str) -> str | None:
        """Return where a symbolic link points, None when it is none."""
        try:
            return str(self.path(name).readlink())
        except OSError:
            return None

    def write(self, name: str, text: str, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
        """Put a file in place as a whole, or not at all; a link is followed. ``owner`` None: as it is, root's when it is new.

        Raises :class:`PrepareError`: nothing was changed then.
        """
        target = self.path(name)
        try:
            target = target.resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = _draft(target)
            draft.unlink(missing_ok=True)  # of a run that was killed
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PrepareError(
                f"cannot write {name}: {error.strerror}", remedy="see its folder's rights and mount, or use --skip"
            ) from error
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                ids = owner or self.owner(name)
                if ids:
                    os.fchown(file.fileno(), *ids)
                os.fchmod(file.fileno(), mode)  # after the owner, whose change clears set-id bits
                os.fsync(file.fileno())
            draft.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise PrepareError(
                f"cannot write {name}: {error.strerror}", remedy="the file is as it was; see its rights and mount"
            ) from error

    def remove(self, name: str, *, through: bool = False) -> None:
        """Take a file away; one that is not there is a success. Raises :class:`PrepareError`.

        ``through``: of a link, what it points to; the link stays.
        """
        target = self.path(name).resolve() if through else self.path(name)
        try:
            target.unlink(missing_ok=True)
            if target.parent.exists():
                sync_folder(target.parent)
        except OSError as error:
            raise PrepareError(f"cannot remove {name}: {error.strerror}", remedy="see its rights and mount") from error

    def make_link(self, name: str, target: str) -> None:
        """Make a symbolic link where there is nothing. Raises :class:`PrepareError`."""
        try:
            self.path(name).symlink_to(target)
            sync_folder(self.path(name).parent)
        except OSError as error:
            raise PrepareError(f"cannot make the link {name}: {error.strerror}", remedy="see its folder's rights and mount") from error

    def sweep(self, name: str) -> None:
        """Take away what a :meth:`write` of this file left that was killed."""
        with contextlib.suppress(OSError):
            _draft(self.path(name).resolve()).unlink()

    def read_only(self, name: str) -> bool:
        """Tell whether a file's place is mounted read-only."""
        place = self.path(name)
        while not place.exists() and place != place.parent:
            place = place.parent
        return bool(os.statvfs(place).f_flag & os.ST_RDONLY)

    def missing_folders(self, name: str) -> list[str]:
        """Return the folders that must be made before a file can be written, the outermost first."""
        return [str(folder) for folder in reversed(PurePosixPath(name).parents) if not self.exists(str(folder))]

    def make_folder(self, name: str) -> None:
        """Make a folder; one that is there is a success. Raises :class:`PrepareError`."""
        try:
            self.path(name).mkdir(exist_ok=True)
            sync_folder(self.path(name).parent)
        except OSError as error:
            raise PrepareError(
                f"cannot make the folder {name}: {error.strerror}", remedy="is the file system mounted read-only?"
            ) from error

    def remove_folder(self, name: str) -> None:
        """Take a folder away if nothing lies in it; else it stays."""
        with contextlib.suppress(OSError):
            self.path(name).rmdir()

    # --- kernel settings

    def sysctl(self, key: str) -> str | None:
        """Return a kernel setting, blanks folded; None where this kernel, or this network namespace, has none of that name."""
        try:
            return " ".join(self.path(_sysctl_file(key)).read_text().split())
        except OSError:
            return None

    def sysctl_settable(self, key: str) -> bool:
        """Tell whether a kernel setting may be written here: inside a namespace some are for reading only."""
        return bool((self.mode(_sysctl_file(key)) or 0) & stat.S_IWUSR)

    def set_value(self, file: str, value: str) -> None:
        """Write a value into a file of /proc or /sys. Raises :class:`PrepareError` with what the kernel says."""
        try:
            with self.path(file).open("w") as opened:
                opened.write(value)
        except OSError as error:
            raise PrepareError(
                f"the kernel refuses {value!r} in {file}: {error.strerror}", remedy="leave this step out with --skip"
            ) from error

    def set_sysctl(self, key: str, value: str) -> None:
        """Set a kernel setting. Raises :class:`PrepareError`."""
        self.set_value(_sysctl_file(key), value)

    def reverse_path(self, device: str) -> int | None:
        """Return a device's ``rp_filter``: the greater of its own and that of ``all`` (kernel's ip-sysctl). None: no device."""
        own, everywhere = self.sysctl(f"net.ipv4.conf.{device.replace('.', '/')}.rp_filter"), self.sysctl("net.ipv4.conf.all.rp_filter")
        return None if own is None else max(int(own), int(everywhere or 0))

    # --- programs

    def where(self, program: str) -> str:
        """Return a program's path, "" when it is not installed."""
        return shutil.which(program, path=_search_path()) or ""

    def has(self, program: str) -> bool:
        """Tell whether a program is installed."""
        return bool(self.where(program))

    def cores(self) -> int:
        """Return how many processors are in use: ``0-3,6`` are five."""
        spans = (self.read("/sys/devices/system/cpu/online") or "0").strip().split(",")
        ends = [[int(end) for end in span.split("-")] for span in spans]
        return sum(end[-1] - end[0] + 1 for end in ends)

    def run(self, *command: str, patience: float = _PATIENCE, text: str | None = None) -> Done:
        """Run a program (``text``: its input) and return what came of it; one that is missing or hangs is no exception."""
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=patience,
                input=text,
                stdin=subprocess.DEVNULL if text is None else None,
                env=os.environ | {"PATH": _search_path(), "LC_ALL": "C"},
            )
        except FileNotFoundError:
            return Done(127, "", f"{command[0]}: no such program")
        except subprocess.TimeoutExpired:
            return Done(124, "", f"{command[0]} did not end within {patience:g} s")
        except OSError as error:
            return Done(126, "", f"{command[0]}: {error.strerror}")
        return Done(done.returncode, done.stdout, done.stderr)

    def must(self, *command: str, patience: float = _PATIENCE, text: str | None = None) -> str:
        """Run a program and return its output; raises :class:`PrepareError` with its words when it fails."""
        done = self.run(*command, patience=patience, text=text)
        if done.status:
            raise PrepareError(f"{' '.join(command)}: {done.words or f'exit {done.status}'}", remedy="run it by hand to see more")
        return done.output

    def lacks(self, capability: int) -> bool:
        """Tell whether nobody here, root neither, can have a capability (its number in linux/capability.h): a container may be so."""
        found = re.search(r"^CapBnd:\s*([0-9a-f]+)", self.read("/proc/self/status") or "", re.MULTILINE)
        return found is not None and not int(found[1], 16) >> capability & 1

    # --- what the kernel tells of itself

    def uid(self) -> int:
        """Return whom we are."""
        return os.geteuid()

    def synchronised(self) -> bool:
        """Tell whether somebody keeps the kernel's clock right (adjtimex(2)): any of timesyncd, chrony and ntpd says so there."""
        return ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX)) not in {-1, _TIME_ERROR}

    def refuses_guests(self) -> str:
        """Return why KVM makes no virtual machine here, "" when one could be made: the device may be there where the processor refuses."""
        try:
            device = os.open(self.path("/dev/kvm"), os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            return f"/dev/kvm: {error.strerror}"
        try:
            os.close(fcntl.ioctl(device, _CREATE_VM, 0))
        except OSError as error:
            return f"/dev/kvm makes none: {error.strerror}"
        finally:
            os.close(device)
        return ""

    # --- the network

    def families(self, device: str) -> tuple[Literal[4, 6], ...]:
        """Return the families a device has global addresses of; both where that cannot be told."""
        told = self.run("ip", "-j", "address", "show", "dev", device, "scope", "global")
        shown = json.loads(told.output or "[]") if told.status == 0 else []
        has = {address.get("family") for link in shown for address in link.get("addr_info", ())} - {None}
        return ((6,) if has == {"inet6"} else (4,)) if len(has) == 1 else (4, 6)

    def way_out(self) -> str:
        """Return the device of the default route, "" without one."""
        for family in ("-4", "-6"):
            found = re.search(r"\bdev (\S+)", self.run("ip", family, "route", "show", "default").output)
            if found:
                return found[1]
        return ""

    def links(self) -> dict[str, Link]:
        """Return the network devices by name. Raises :class:`PrepareError` without iproute2."""
        shown: list[dict[str, object]] = json.loads(self.must("ip", "-j", "-d", "link", "show") or "[]")
        found = [_link(each) for each in shown if each.get("ifname")]
        return {link.name: link for link in found}


def _sysctl_file(key: str) -> str:
    """Return the file of a setting: dots part its name, slashes stand for dots inside one (sysctl.d(5))."""
    return "/proc/sys/" + key.translate(str.maketrans("./", "/."))


@dataclass(frozen=True, slots=True)
class Link:
    """A network device, as ``ip -d link`` tells of it."""

    name: str
    mtu: int
    up: bool
    kind: str
    """bridge, bond, vlan, vxlan, veth…; empty: hardware, or a driver that does not say."""
    master: str
    lower: str
    """The device it is stacked on (a VLAN's parent); empty: none."""
    mac: str
    max_mtu: int
    """0: not told."""


def _link(shown: dict[str, object]) -> Link:
    info = shown.get("linkinfo")
    kind = str(info.get("info_kind", "")) if isinstance(info, dict) else ""
    flags = shown.get("flags")
    return Link(
        name=str(shown["ifname"]),
        mtu=int(str(shown.get("mtu", 0))),
        up="UP" in flags if isinstance(flags, list) else False,
        kind=kind,
        master=str(shown.get("master", "")),
        lower=str(shown.get("link") or ""),
        mac=str(shown.get("address", "")),
        max_mtu=int(str(shown.get("max_mtu", 0))),
    )


def _search_path() -> str:
    """Return where programs are looked for: a plain user's path lacks what a host's are in."""
    return ":".join(dict.fromkeys(filter(None, [*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])))


def _draft(target: Path) -> Path:
    """Return where a file's new text is written first: a name of its own, so that the next run finds what a killed one left.

    No program that reads a folder of settings takes it: it begins with a dot and ends as no settings file does.
    """
    return target.with_name(f".{target.name}.vxloom-draft")


def sync_folder(folder: Path) -> None:
    """Make a rename last: the folder's entry is data of the folder's."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

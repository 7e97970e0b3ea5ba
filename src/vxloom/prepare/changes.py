"""What a step may change on a machine, one kind a class: what it replaces, how it is made, how it is taken back."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from vxloom.errors import PrepareError
from vxloom.prepare.bonding import MakeBond, TellBack
from vxloom.prepare.change import Before, Change
from vxloom.prepare.firewall.changes import AddRule, OpenZone
from vxloom.prepare.machine import Machine
from vxloom.prepare.nic import SetNic
from vxloom.prepare.trial import TryOffloads

_SECRET = re.compile(r"(?i)^([ +-].*(?:pass|secret|token)[\w.]*\s*[=:]\s*)\S.*")
"""A line of a difference that nobody should read over a shoulder: CloudStack's file holds its key store's passphrase."""


class MakeFolder(Change, frozen=True, kw_only=True, tag="folder"):
    """A folder some file needs; it goes when the last file in it has gone."""

    path: str

    @property
    def slot(self) -> str:
        """The folder."""
        return f"folder {self.path}"

    @property
    def what(self) -> str:
        """Make it."""
        return f"make the folder {self.path}"

    def done(self, machine: Machine) -> bool:
        """Tell whether it is there."""
        return machine.exists(self.path)

    def before(self, machine: Machine) -> Before:
        """There was none."""
        return {}

    def do(self, machine: Machine) -> None:
        """Make it."""
        machine.make_folder(self.path)

    def undo(self, machine: Machine, before: Before) -> None:
        """Take it away if it is empty."""
        machine.remove_folder(self.path)


class WriteFile(Change, frozen=True, kw_only=True, tag="file"):
    """A file's whole text; ``text`` None: there is to be no such file."""

    path: str
    text: str | None
    mode: int | None = None
    """Permission bits; None: as they are, 0644 for a new file."""

    @property
    def slot(self) -> str:
        """The file."""
        return f"file {self.path}"

    @property
    def what(self) -> str:
        """Write or remove."""
        return f"remove {self.path}" if self.text is None else f"write {self.path}"

    def done(self, machine: Machine) -> bool:
        """Compare text and permissions."""
        if machine.read(self.path) != self.text:
            return False
        return self.text is None or self.mode is None or machine.mode(self.path) == self.mode

    def before(self, machine: Machine) -> Before:
        """Remember text, permissions, owner, and where it points if it is a link."""
        uid, gid = machine.owner(self.path) or (None, None)
        return {
            "text": machine.read(self.path),
            "mode": machine.mode(self.path),
            "uid": uid,
            "gid": gid,
            "link": machine.link(self.path),
        }

    def refuse(self, machine: Machine) -> None:
        """Refuse a file system that is mounted read-only."""
        if machine.read_only(self.path):
            raise PrepareError(f"{self.path} is on a file system that is mounted read-only", remedy="mount it read-write, then try again")

    def folders(self, machine: Machine) -> Sequence[str]:
        """Return those that are not there yet."""
        return () if self.text is None else machine.missing_folders(self.path)

    def sweep(self, machine: Machine) -> None:
        """Take a draft away."""
        machine.sweep(self.path)

    def do(self, machine: Machine) -> None:
        """Replace the file as a whole."""
        if self.text is None:
            machine.remove(self.path)
        else:
            machine.write(self.path, self.text, self.mode or machine.mode(self.path) or 0o644)

    def undo(self, machine: Machine, before: Before) -> None:
        """Put the old text back, or take the file away; refuse what somebody has changed since."""
        now = machine.read(self.path)
        if now != self.text:
            if now == before["text"]:
                return
            raise PrepareError(f"{self.path} was changed by somebody since", remedy="undo it by hand, or use --force to lose that change")
        if not (now is None and before["text"] is None):
            self.restore(machine, before)

    def restore(self, machine: Machine, before: Before) -> None:
        """Put back what stood there whatever stands there now."""
        link = before.get("link")
        if self.text is None and link is not None:
            machine.remove(self.path)
            machine.make_link(self.path, str(link))
        elif before["text"] is None:
            machine.remove(self.path, through=link is not None)
        else:
            uid, gid = before.get("uid"), before.get("gid")
            owner = None if uid is None or gid is None else (int(uid), int(gid))
            machine.write(self.path, str(before["text"]), 0o644 if before["mode"] is None else int(before["mode"]), owner)

    def detail(self, machine: Machine) -> str:
        """Return the difference as a person reads it."""
        old, new = (machine.read(self.path) or "").splitlines(), (self.text or "").splitlines()
        lines = [*difflib.unified_diff(old, new, lineterm="", n=1)][2:]  # without the two that name the file
        return "\n".join(_SECRET.sub(r"\1…", line) for line in lines)


class SetSysctl(Change, frozen=True, kw_only=True, tag="sysctl"):
    """A kernel setting, now; a file of its own makes it last."""

    key: str
    value: str

    @property
    def slot(self) -> str:
        """The setting."""
        return f"sysctl {self.key}"

    @property
    def what(self) -> str:
        """Set it."""
        return f"set {self.key} = {self.value}"

    def done(self, machine: Machine) -> bool:
        """Compare with the kernel's value."""
        return machine.sysctl(self.key) == self.value

    def before(self, machine: Machine) -> Before:
        """Remember the kernel's value."""
        value = machine.sysctl(self.key)
        if value is None:
            raise PrepareError(f"this kernel has no setting {self.key} here", remedy="leave this step out with --skip")
        return {"value": value}

    def do(self, machine: Machine) -> None:
        """Set it."""
        machine.set_sysctl(self.key, self.value)

    def undo(self, machine: Machine, before: Before) -> None:
        """Set the old value, unless somebody (or a boot) has set another since."""
        if machine.sysctl(self.key) == self.value:
            machine.set_sysctl(self.key, str(before["value"]))

    def detail(self, machine: Machine) -> str:
        """Say what it is now."""
        return f"now {machine.sysctl(self.key)}"


class SetValue(Change, frozen=True, kw_only=True, tag="value"):
    """A value in a file of /sys, now: receive queues, steering masks."""

    path: str
    value: str

    @property
    def slot(self) -> str:
        """The file."""
        return f"value {self.path}"

    @property
    def what(self) -> str:
        """Set it."""
        return f"set {self.path} = {self.value}"

    def done(self, machine: Machine) -> bool:
        """Compare with what the file says."""
        return (machine.read(self.path) or "").strip() == self.value

    def before(self, machine: Machine) -> Before:
        """Remember what the file says."""
        return {"value": (machine.read(self.path) or "").strip()}

    def do(self, machine: Machine) -> None:
        """Write it."""
        machine.set_value(self.path, self.value)

    def undo(self, machine: Machine, before: Before) -> None:
        """Write the old value, unless somebody (or a boot) has written another since."""
        if self.done(machine):
            machine.set_value(self.path, str(before["value"]))


class SetMtu(Change, frozen=True, kw_only=True, tag="mtu"):
    """A device's MTU in bytes, now."""

    device: str
    mtu: int
    cuts_off: ClassVar[bool] = True

    @property
    def slot(self) -> str:
        """The device."""
        return f"mtu {self.device}"

    @property
    def what(self) -> str:
        """Set it."""
        return f"set the MTU of {self.device} to {self.mtu}"

    def done(self, machine: Machine) -> bool:
        """Compare with the kernel's."""
        link = machine.links().get(self.device)
        return link is not None and link.mtu == self.mtu

    def before(self, machine: Machine) -> Before:
        """Remember the kernel's."""
        link = machine.links().get(self.device)
        if link is None:
            raise PrepareError(f"there is no device {self.device} any more", remedy="look again: vxloom host plan")
        return {"mtu": link.mtu}

    def do(self, machine: Machine) -> None:
        """Set it; the driver may refuse."""
        machine.must("ip", "link", "set", "dev", self.device, "mtu", str(self.mtu))

    def undo(self, machine: Machine, before: Before) -> None:
        """Set the old one, unless somebody has set another since."""
        if self.done(machine):
            machine.must("ip", "link", "set", "dev", self.device, "mtu", str(before["mtu"]))

    def detail(self, machine: Machine) -> str:
        """Say what it is now."""
        link = machine.links().get(self.device)
        return f"now {link.mtu}" if link else ""


class Run(Change, frozen=True, kw_only=True, tag="run"):
    """Something only a program can do. ``look`` succeeds (exit 0) when it is done already."""

    name: str
    """What it changes, in a few words."""
    look: tuple[str, ...]
    command: tuple[str, ...]
    back: tuple[str, ...] = ()
    """What undoes it; empty: nothing has to be."""
    stands: tuple[str, ...] = ()
    """What succeeds while there is something to undo, and exits with 1 when there is not; empty: ``look`` does."""

    @property
    def slot(self) -> str:
        """What it changes."""
        return f"run {self.name}"

    @property
    def what(self) -> str:
        """Run it."""
        return f"run {' '.join(self.command)}"

    def done(self, machine: Machine) -> bool:
        """Ask the program."""
        return bool(self.look) and machine.run(*self.look).status == 0

    def before(self, machine: Machine) -> Before:
        """Nothing but the command back."""
        return {}

    def do(self, machine: Machine) -> None:
        """Run it."""
        machine.must(*self.command)

    def undo(self, machine: Machine, before: Before) -> None:
        """Run the way back, if it is still needed. ``stands`` says yes (0) or no (1); what it cannot tell stays to be undone."""
        if not self.back:
            return
        look = self.stands or self.look
        looked = machine.run(*look)
        if looked.status not in {0, 1}:
            raise PrepareError(f"{' '.join(look)}: {looked.words or f'exit {looked.status}'}", remedy="run it by hand, then undo again")
        if looked.status == 0:
            machine.must(*self.back)


AnyChange: TypeAlias = (
    MakeFolder | WriteFile | SetSysctl | SetValue | SetMtu | Run | MakeBond | TellBack | AddRule | OpenZone | SetNic | TryOffloads
)

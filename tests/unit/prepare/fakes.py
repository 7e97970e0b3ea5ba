"""A machine whose files are in a folder, and whose programs say what the test says."""

from __future__ import annotations

from pathlib import Path

from vxloom.prepare.machine import Done, Link, Machine
from vxloom.prepare.requirement import Requirement

SILENT = Done(127, "", "no such program")


class Fake(Machine):
    """A machine whose programs say what the test says: the beginning of a command line → what came of it."""

    def __init__(self, root: Path, said: dict[str, Done], *links: Link) -> None:
        super().__init__(root)
        self.said = said
        self.all = {link.name: link for link in links}
        self.user, self.clock, self.kvm = 0, True, ""

    def run(self, *command: str, patience: float = 60.0, text: str | None = None) -> Done:
        line = " ".join(command)
        return next((done for begins, done in self.said.items() if line.startswith(begins)), SILENT)

    def has(self, program: str) -> bool:
        return any(begins.split()[0] == program for begins in self.said)

    def uid(self) -> int:
        return self.user

    def synchronised(self) -> bool:
        return self.clock

    def refuses_guests(self) -> str:
        return self.kvm

    def links(self) -> dict[str, Link]:
        return self.all


def link(name: str, mtu: int = 1500, kind: str = "", master: str = "", lower: str = "") -> Link:
    return Link(name=name, mtu=mtu, up=True, kind=kind, master=master, lower=lower, mac="02:00:00:00:00:01", max_mtu=0)


def ok(text: str = "") -> Done:
    return Done(0, text, "")


def row(rows: object, name: str) -> Requirement:
    [found] = [one for one in rows if one.name == name]  # type: ignore[attr-defined]
    return found

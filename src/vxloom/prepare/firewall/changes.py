"""Changes that only firewalls know: a rule in a file of iptables-save's form, a port in a zone of firewalld's."""

from __future__ import annotations

import re

from vxloom.errors import PrepareError
from vxloom.prepare.change import Before, Change
from vxloom.prepare.machine import Machine


class AddRule(Change, frozen=True, kw_only=True, tag="rule"):
    """A line in a file of iptables-save's form: the first rule of its table. Only that line is taken out again."""

    path: str
    table: str
    line: str

    @property
    def slot(self) -> str:
        """The line in the file."""
        return f"rule {self.path} {self.table} {self.line}"

    @property
    def what(self) -> str:
        """Add it."""
        return f"add to {self.path}: {self.line}"

    def done(self, machine: Machine) -> bool:
        """Look for the line."""
        start, end = self._table(machine)
        return self.line in self._lines(machine)[start:end]

    def before(self, machine: Machine) -> Before:
        """Nothing but the line is needed."""
        return {}

    def do(self, machine: Machine) -> None:
        """Put it before the table's first rule."""
        lines, (start, end) = self._lines(machine), self._table(machine)
        place = next((number for number in range(start, end) if lines[number].startswith("-")), end)
        self._write(machine, [*lines[:place], self.line, *lines[place:]])

    def undo(self, machine: Machine, before: Before) -> None:
        """Take the line out, wherever it stands in the table by now."""
        lines, (start, end) = self._lines(machine), self._table(machine)
        if self.line in lines[start:end]:
            place = lines.index(self.line, start, end)
            self._write(machine, lines[:place] + lines[place + 1 :])

    def sweep(self, machine: Machine) -> None:
        """Take a draft of the file away."""
        machine.sweep(self.path)

    def _lines(self, machine: Machine) -> list[str]:
        return (machine.read(self.path) or "").split("\n")

    def _write(self, machine: Machine, lines: list[str]) -> None:
        machine.write(self.path, "\n".join(lines), machine.mode(self.path) or 0o640)

    def _table(self, machine: Machine) -> tuple[int, int]:
        """Return the lines of the table: from behind its name to its COMMIT; both 0 where there is no such table."""
        lines = self._lines(machine)
        if f"*{self.table}" not in lines:
            return 0, 0
        start = lines.index(f"*{self.table}") + 1
        return start, next((number for number in range(start, len(lines)) if lines[number] == "COMMIT"), len(lines))


class OpenZone(Change, frozen=True, kw_only=True, tag="zone"):
    """A port in the permanent settings of a zone of firewalld's (firewall-cmd(1))."""

    zone: str
    port: str
    """As ``4789/udp``."""

    @property
    def slot(self) -> str:
        """The port in the zone."""
        return f"port {self.port} in firewalld's zone {self.zone}"

    @property
    def what(self) -> str:
        """Run firewalld's own program."""
        return f"run {' '.join(self._command('--add-port'))}"

    def done(self, machine: Machine) -> bool:
        """Ask firewalld."""
        return machine.run(*self._command("--query-port")).status == 0

    def before(self, machine: Machine) -> Before:
        """Remember the zone's file, none while the zone is as it was delivered, and firewalld's own copy of the one before."""
        return {"text": machine.read(self._file), "old": machine.read(f"{self._file}.old")}

    def do(self, machine: Machine) -> None:
        """Add the port."""
        machine.must(*self._command("--add-port"))

    def undo(self, machine: Machine, before: Before) -> None:
        """Remove the port; where nobody changed anything else, the zone's file is then as it was to the byte."""
        asked = machine.run(*self._command("--query-port"))
        if asked.status not in {0, 1}:
            raise PrepareError(f"firewalld does not tell its settings: {asked.words}", remedy="start firewalld, then undo again")
        if asked.status == 0:
            machine.must(*self._command("--remove-port"))
        text, now, delivered = before["text"], machine.read(self._file), machine.read(f"/usr/lib/firewalld/zones/{self.zone}.xml")
        if now is None:
            if text is not None:
                return
        elif not _same_words(now, str(delivered if text is None else text)):
            return
        if text is not None:
            machine.write(self._file, str(text), machine.mode(self._file) or 0o644)
        elif now is not None:  # else an undo that was killed has done so, and left firewalld's copy
            machine.must("firewall-cmd", "--permanent", f"--load-zone-defaults={self.zone}")
        if before["old"] is None:
            machine.remove(f"{self._file}.old")
        else:
            machine.write(f"{self._file}.old", str(before["old"]), machine.mode(f"{self._file}.old") or 0o644)

    @property
    def _file(self) -> str:
        return f"/etc/firewalld/zones/{self.zone}.xml"

    def _command(self, option: str) -> tuple[str, ...]:
        return "firewall-cmd", "--permanent", f"--zone={self.zone}", f"{option}={self.port}"


def _same_words(left: str, right: str) -> bool:
    """Tell whether two XML files of firewalld's have the same elements and words, whatever their order and blanks."""
    one, other = (sorted(" ".join(part.split()) for part in re.findall(r"<[^>]*>|[^<>]+", text) if part.strip()) for text in (left, right))
    return one == other

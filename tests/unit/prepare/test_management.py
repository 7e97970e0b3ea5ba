"""Who manages a machine is read from its agents' files and from the connection the command came by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.prepare.fakes import Fake, ok
from vxloom.prepare import management
from vxloom.prepare.services import AGENT_FILE, CLOUDSTACK_FILE

NAMES = {"getent ahosts ms.example": ok("192.0.2.7 STREAM ms.example\n192.0.2.7 DGRAM\n2001:db8::7 STREAM\n")}
OURS, CLOUDSTACK, SSH = AGENT_FILE, CLOUDSTACK_FILE, "/proc/{}/environ"


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        (OURS, 'server = "192.0.2.1:8250"\n', ["192.0.2.1"]),
        (OURS, 'server = "[2001:db8::1]:8250, ms.example:8250"\n', ["2001:db8::1", "192.0.2.7", "2001:db8::7"]),
        (OURS, 'server = "unknown.example:8250,--help:1,:8250"\n', []),
        (OURS, "server = \n", []),
        (OURS, "# nothing\n", []),
        (CLOUDSTACK, "host=192.0.2.1\n", ["192.0.2.1"]),
        (CLOUDSTACK, "host = 192.0.2.1, ms.example@shuffle\nport=8250\n", ["192.0.2.1", "192.0.2.7", "2001:db8::7"]),
        (CLOUDSTACK, "host=2001\\:db8\\:\\:1\n", ["2001:db8::1"]),
        (CLOUDSTACK, "host=192.0.2.1\nhost=192.0.2.2\n", []),
        (CLOUDSTACK, "host=192.0.2.1\r\n", []),
        (SSH.format("self"), "SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22\0", ["192.0.2.1"]),
        (SSH.format("self"), "A=b\0SSH_CONNECTION=fe80::1%eth0 5 fe80::2%eth0 22\0", ["fe80::1%eth0"]),
        (SSH.format("self"), "A=SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22\0SSH_CONNECTION=-f 5 6 7\0", []),
    ],
)
def test_who_manages_a_machine(tmp_path: Path, file: str, text: str, found: list[str]) -> None:
    machine = Fake(tmp_path, NAMES)
    machine.write(file, text)
    assert management.addresses(machine) == found


def test_of_a_command_under_sudo_it_is_the_shell_that_knows_the_connection(tmp_path: Path) -> None:
    machine = Fake(tmp_path, {})
    for pid, parent, environ in (("self", 30, "SUDO_USER=ann\0"), ("30", 20, ""), ("20", 1, "SSH_CONNECTION=192.0.2.1 5 192.0.2.2 22\0")):
        machine.write(f"/proc/{pid}/environ", environ)
        machine.write(f"/proc/{pid}/status", f"Name:\tx\nPPid:\t{parent}\n")
    assert management.addresses(machine) == ["192.0.2.1"]
    machine.write("/proc/20/environ", "")
    assert management.addresses(machine) == []

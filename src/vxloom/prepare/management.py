"""From where this machine is managed: the addresses that must still reach it after a change of its links."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import tomllib
from collections.abc import Iterator

from vxloom.errors import PrepareError
from vxloom.prepare.machine import Machine
from vxloom.prepare.properties import Properties
from vxloom.prepare.services import AGENT_FILE, CLOUDSTACK_FILE

_PATIENCE = 5.0
"""Seconds a name server has to answer."""


def addresses(machine: Machine) -> list[str]:
    """Return the addresses of the management servers, ours and CloudStack's, and of who typed the command over SSH.

    A file that cannot be read names nobody here (no agent runs from it; the step *agent-properties* tells of it), nor does a name that has
    no address.
    """
    hosts = [*_ours(machine), *_cloudstacks(machine), *_ssh_peer(machine)]
    return list(dict.fromkeys(address for host in hosts for address in _resolved(machine, host)))


def _ours(machine: Machine) -> Iterator[str]:
    """Read ``HOST:PORT``, several with commas, an IPv6 address in brackets."""
    with contextlib.suppress(PrepareError, tomllib.TOMLDecodeError):
        for server in str(tomllib.loads(machine.read(AGENT_FILE) or "").get("server", "")).split(","):
            yield server.rpartition(":")[0].strip("[] ")


def _cloudstacks(machine: Machine) -> Iterator[str]:
    """Read ``host=``: hosts with commas, then, behind an @, how one is chosen. Source: ``AgentShell.java``, 4.11 to 4.22."""
    with contextlib.suppress(PrepareError):
        hosts = Properties(CLOUDSTACK_FILE, machine.read(CLOUDSTACK_FILE) or "").get("host") or ""
        for host in hosts.replace("\\", "").partition("@")[0].split(","):
            yield host.strip()


def _ssh_peer(machine: Machine) -> Iterator[str]:
    """Read ``SSH_CONNECTION`` (ssh(1)) of this process, else of those that started it: sudo takes it out of ours."""
    pid = "self"
    with contextlib.suppress(OSError):
        while pid != "0":
            folder = machine.path(f"/proc/{pid}")
            found = re.search(rb"(?:^|\0)SSH_CONNECTION=([0-9A-Fa-f.:]+[%\w.-]*) ", (folder / "environ").read_bytes())
            if found:
                yield found[1].decode()
                return
            parent = re.search(r"^PPid:\t(\d+)$", (folder / "status").read_text(), re.MULTILINE)
            pid = parent[1] if parent else "0"


def _resolved(machine: Machine, host: str) -> list[str]:
    """Return a host's addresses, as this machine finds them (hosts(5), the name server)."""
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    if not re.fullmatch(r"\w[\w.-]*", host):
        return []
    told = machine.run("getent", "ahosts", host, patience=_PATIENCE)
    return [line.split()[0] for line in told.output.splitlines() if line.strip()] if told.status == 0 else []

"""What is collected of this host: settings, what the agent believes, what the kernel holds, what the doctor finds, the ends of logs."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from vxloom import __version__
from vxloom.agent.main import observe
from vxloom.agent.statefile import StateFile
from vxloom.doctor import reading
from vxloom.doctor.examination import examine
from vxloom.errors import ConfigError, StateError
from vxloom.model.host import decode_ports
from vxloom.settings import ETC, RUN, STATE, AgentSettings, ServerSettings, load
from vxloom.support.bundle import PART, Bundle
from vxloom.support.redaction import values

_COMMAND_SECONDS: Final = 10
COMMANDS: Final[Mapping[str, str]] = {
    "versions/kernel": "uname -a",
    "versions/iproute2": "ip -V",
    "versions/nft": "nft -v",
    "versions/packages": "dpkg-query -W -f ${Package}\\t${Version}\\t${db:Status-Abbrev}\\n",
    "versions/modules": "lsmod",
    "machine/time": "timedatectl",
    "machine/disks": "df -h",
    "machine/services": "systemctl --no-pager --lines=0 status vxloom-agent vxloom-server libvirtd cloudstack-agent",
    "machine/failed": "systemctl --no-pager --failed",
    "kernel/links": "ip -d -s link show",
    "kernel/addresses": "ip -d address show",
    "kernel/rules": "ip rule show",
    "kernel/routes": "ip route show table all",
    "kernel/routes6": "ip -6 route show table all",
    "kernel/route-cache": "ip route show cache",
    "kernel/neighbours": "ip -s neigh show",
    "kernel/fdb": "bridge -s fdb show",
    "kernel/bridge-ports": "bridge -d link show",
    "kernel/vlans": "bridge vlan show",
    "kernel/nft": "nft -a list ruleset",
    "kernel/sockets": "ss -uanp",
    "kernel/sysctls": "sysctl -a -r ^net[.]",
    "kernel/taps": "ip -o tuntap show",
    "kernel/groups": "ip maddress show",
}
"""Part → command. A device's alias or a rule's comment may hold anything: their output is redacted as all else."""
FILES: Final = (
    "/etc/os-release",
    "/proc/uptime",
    "/proc/meminfo",
    "/proc/loadavg",
    "/proc/net/snmp",
    "/proc/net/softnet_stat",
    "/proc/net/bonding/bond0",
)
SETTINGS: Final = ("/etc/cloudstack/agent/agent.properties", "/etc/network/interfaces", "/etc/libvirt/libvirtd.conf")
_SECRET_FILES: Final = (ETC / "join.token", Path("/etc/cloudstack/agent/agent.properties"))
_VARIABLES: Final = ("CLOUDSTACK_KEY", "CLOUDSTACK_SECRET")
_JOURNAL: Final = "journalctl --no-pager --quiet --boot --output=short-iso --lines=20000"
UNITS: Final = ("vxloom-agent", "vxloom-server", "cloudstack-agent", "libvirtd")


def known_secrets() -> set[str]:
    """Return the secrets that this host's files and this process's environment hold, to be taken out wherever they stand."""
    found = {os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    for path in (*_SECRET_FILES, _admin_keys(), *ETC.glob("*.toml"), *Path("/etc/cloudstack").glob("*/db.properties")):
        with suppress(OSError):
            text = path.read_text(errors="replace")
            found |= {text.strip()} if path.name == "join.token" else values(text)
    return found - {""}


def _admin_keys() -> Path:
    """Return where the server of this host keeps them."""
    file = ETC / "server.toml"
    with suppress(ConfigError):
        return load(ServerSettings, file if file.exists() else None, {}).data / "admin.env"
    return STATE / "server" / "admin.env"


def collect(bundle: Bundle, settings: AgentSettings, told: Callable[[str], None] = lambda _: None) -> None:
    """Put everything of this host into the bundle; ``told`` hears what is going on. Changes nothing on the host."""
    told("versions and settings")
    bundle.collect("versions/vxloom", lambda: f"vxloom {__version__}\nPython {platform.python_version()}\n")
    for path in (*FILES, *SETTINGS, *sorted(map(str, ETC.glob("*.toml")))):
        if Path(path).exists():
            bundle.collect(f"files{path}", partial(_head, Path(path)))
    told("what the agent believes")
    bundle.collect("agent/settings", lambda: _json(settings))
    bundle.collect("agent/files", lambda: _listed(settings.state_dir) + _listed(RUN))
    bundle.collect("agent/state", lambda: believed(settings))
    bundle.collect("agent/plan", lambda: observe(settings)[1], patience=30)
    told("what the kernel holds")
    for name, command in COMMANDS.items():
        bundle.collect(name, partial(run, command))
    told("what the doctor finds")
    bundle.collect("doctor/findings", lambda: _json(examine(settings)), patience=30)
    told("the ends of logs")
    for unit in UNITS:
        bundle.collect(f"logs/journal-{unit}", partial(run, f"{_JOURNAL} --unit={unit}", last=True), end=True)
    bundle.collect("logs/journal-kernel", lambda: run(f"{_JOURNAL} --dmesg", last=True), end=True)
    for log in (*reading.FILES, *sorted(map(str, Path("/var/log/vxloom").glob("*.log")))):
        if Path(log).exists():
            bundle.collect(f"logs{log}", partial(_tail, Path(log)), end=True)


def believed(settings: AgentSettings) -> str:
    """Return the agent's state on disk as text. Raises :class:`StateError` when there is none to be read."""
    held, trouble = StateFile(settings.state_dir).load()
    if trouble and held.said.document is None:
        raise StateError(trouble)
    lines = [f"epoch {held.epoch} revision {held.revision} holding {held.holding or 'nothing'} doubt {held.doubt or trouble or 'none'}"]
    for name, word in (("said", held.said), ("base", held.base), ("effective", held.effective())):
        if word is None or word.document is None:
            continue
        document = word.document
        lines.append(
            f"\n{name}: host {document.name} {document.host} zone {document.zone} revision {document.revision} vtep {document.vtep}"
        )
        lines.append(
            f"  UDP port {document.udp_port} df {document.df} gone ports {document.gone_ports} gone segments {document.gone_segments}"
        )
        bound, refused = decode_ports(document)
        lines += [
            f"  port {port.nic} {port.vm_name} vni {port.vni} {port.mac} {' '.join(port.ips)} {port.state} {port.tap}" for port in bound
        ]
        lines += [f"  refused {port.nic}: {port.reason}" for port in refused]
        for vni, table in sorted(word.tables.items()):
            rows = f"{len(table.members)} members, {len(table.ports)} ports, {len(table.addresses)} addresses"
            lines.append(f"  segment {vni} {table.head.name} MTU {table.head.mtu} revision {table.revision}: {rows}")
    return "\n".join(lines) + "\n"


def run(command: str, *, last: bool = False) -> str:
    """Return what a command says, errors too; ``last``: of what is too much the end. Raises :class:`ConfigError` without the program."""
    words = command.split(" ")
    environment = {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    if shutil.which(words[0], path=environment["PATH"]) is None:
        raise ConfigError(f"there is no {words[0]} here")
    # Into a file, not into memory: a dump may be of any size, and only a part of it is wanted.
    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
            ending = "" if done.returncode == 0 else f"\n(exit {done.returncode})\n"
        except subprocess.TimeoutExpired:
            ending = f"\n(not done after {_COMMAND_SECONDS} s)\n"
        size = out.seek(0, os.SEEK_END)
        out.seek(max(0, size - PART - 1) if last else 0)
        return out.read(PART + 1).decode(errors="replace") + ending


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(PART + 1).decode(errors="replace")


def _tail(path: Path) -> str:
    return "\n".join(reading.tail(path)) + "\n"


def _listed(folder: Path) -> str:
    """Names and sizes, no contents: the host's private key is among them."""
    if not folder.is_dir():
        return f"{folder}: not there\n"
    rows = [(each.lstat(), each) for each in sorted(folder.rglob("*"))[:1000]]
    return "".join(f"{status.st_mode:o} {status.st_uid} {status.st_size:>10} {status.st_mtime:.0f} {path}\n" for status, path in rows)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n"

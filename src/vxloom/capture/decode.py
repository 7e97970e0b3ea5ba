"""tshark, which is Wireshark's decoder, in a process without rights and with bounds of time and memory.

Dissectors read what strangers send, and had their share of faults: root starts it as nobody, with its input already open, and what it
cannot decode within the bounds is left out and told of.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from vxloom.capture.packet import FIELDS, Packet, read
from vxloom.errors import ConfigError, StateError
from vxloom.model.capture import LINUX_PORT

_NOBODY: Final = 65_534
_CPU: Final = 120
"""Seconds; 10,000 packets take one."""
_PATIENCE: Final = 180.0
_MEMORY: Final = 2 << 30
"""Bytes of address space; it takes 160 MB whatever it reads."""
_OTHER_PORTS: Final = 8
"""Ports beside the usual ones that are tried: those with most packets."""
_SETTINGS: Final = ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE")
"""A fragment is to be shown as one."""
_ELSEWHERE: Final = "/usr/bin:/bin"
"""Where programs are looked for beside the caller's path."""
_NO_CAPTURE: Final = "that is no capture: neither pcap nor pcapng"
_REASONS: Final = {
    "cut short": "it ends within a packet",
    "damaged or corrupt": "it is damaged",
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """The packets, in the order of the file, and why there may be more than these; empty: these are all."""

    packets: tuple[Packet, ...]
    problem: str = ""


def decode(pcap: bytes | Path, ports: frozenset[int], most: int) -> Decoded:
    """Return what is in a pcap or pcapng: ``most`` packets at the most, VXLAN on these ports and wherever it looks like it.

    Raises :class:`ConfigError` without tshark or for a file that cannot be opened, :class:`StateError` for what is
    no capture at all, and when tshark itself fails.
    """
    try:
        with pcap.open("rb") if isinstance(pcap, Path) else _file(pcap) as file:
            if not file.seek(0, os.SEEK_END):
                raise StateError(_NO_CAPTURE, remedy="name a pcap or pcapng file")
            usual = ports | {LINUX_PORT}
            first = _run(file, usual, most)
            others = _candidates(first.packets) - usual
            if not others:
                return first
            again = _run(file, usual | others, most)
    except OSError as error:
        raise ConfigError(
            f"cannot read {pcap if isinstance(pcap, Path) else 'the packets'}: {error.strerror}", remedy="name another"
        ) from error
    # Any bytes can be read as VXLAN. On a port that nobody named they are VXLAN only if nothing in the header speaks against it.
    packets = tuple(
        before if after.outer is None or (after.outer.target_port in others and not _likely(after)) else after
        for before, after in zip(first.packets, again.packets, strict=False)
    )
    return Decoded(packets, again.problem)


def _candidates(packets: Sequence[Packet]) -> frozenset[int]:
    found = Counter(each.outer.target_port for each in packets if each.outer and each.outer.target_port and each.vni is None)
    return frozenset(port for port, _ in found.most_common(_OTHER_PORTS))


def _likely(packet: Packet) -> bool:
    inner = packet.inner
    if packet.vni is None or inner is None or not packet.strict or int(inner.source[:2] or "1", 16) & 1:
        return False
    return bool(inner.source_ip) or packet.protocol == "ARP"


def _file(data: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(data)
    return file


def _run(file: IO[bytes], ports: frozenset[int], most: int) -> Decoded:
    file.seek(0)
    argv = ["prlimit", f"--cpu={_CPU}", f"--as={_MEMORY}", "tshark", "-n", "-Q", "-r", "-", "-c", str(most)]
    argv += [word for setting in _SETTINGS for word in ("-o", setting)]
    argv += [word for port in sorted(ports) for word in ("-d", f"udp.port=={port},vxlan")]
    argv += ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=,", "-E", "occurrence=a"]
    argv += [word for field in FIELDS for word in ("-e", field)]
    nobody = _NOBODY if os.geteuid() == 0 else None
    environment = {"PATH": f"{os.environ.get('PATH', '')}:{_ELSEWHERE}", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                argv,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                user=nobody,
                group=nobody,
                extra_groups=None if nobody is None else [],
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise ConfigError(f"cannot run tshark: {error.strerror}", remedy="install tshark, or open the file in Wireshark") from error
        ending = threading.Timer(_PATIENCE, process.kill)
        ending.start()
        with process:
            try:
                packets = _packets(process)
            finally:
                ending.cancel()
                process.kill()
        said.seek(0)
        return Decoded(packets, _problem(process.returncode, said.read(1 << 16).decode(errors="replace"), len(packets)))


def _packets(process: subprocess.Popen[str]) -> tuple[Packet, ...]:
    found: list[Packet] = []
    for line in process.stdout or ():
        try:
            found.append(read(line))
        except ValueError:  # killed within a line
            continue
    return tuple(found)


def _problem(status: int, said: str, packets: int) -> str:
    """Return why it ended early, in words. Raises :class:`ConfigError` without tshark, :class:`StateError` when it did not even begin."""
    for word, reason in _REASONS.items():
        if word in said:
            return reason
    if status == 0:
        return ""
    if "failed to execute tshark" in said:
        raise ConfigError("cannot run tshark: not found", remedy="install tshark, or open the file in Wireshark")
    if "isn't a capture file" in said:
        raise StateError(_NO_CAPTURE, remedy="name a pcap or pcapng file")
    if status < 0 or packets:
        return "it takes more time or memory than it is given"
    lines = [line for line in said.splitlines() if line]
    raise StateError(f"tshark failed: {lines[-1] if lines else f'status {status}'}", remedy="see: tshark --version")

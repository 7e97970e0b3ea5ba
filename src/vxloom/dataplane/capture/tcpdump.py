"""tcpdump as the one that captures: libpcap's filter runs in the kernel, and it gives its rights up once its socket is open.

It writes to a pipe; how long, how many and how much is decided here, so that a tcpdump that hangs does not keep anybody.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Final

from vxloom.dataplane.capture.filter import expression
from vxloom.dataplane.capture.ring import Ring
from vxloom.errors import ConfigError
from vxloom.model.capture import Captured, CaptureOrder, Known

_BUFFER_KIB: Final = 4096
"""Kernel memory for packets that were not fetched yet."""
_PIECE: Final = 1 << 18
_ENDING: Final = 5.0
"""Seconds tcpdump has to end, and to say what was dropped."""
_LATE: Final = 0.3
"""Seconds tcpdump has to fetch what has arrived: a signal makes it leave the rest."""
_LOOK: Final = 0.1
"""Seconds between looks at whether to stop."""
_LISTENS: Final = "listening on"
_DROPPED: Final = re.compile(r"^(\d+) packets? dropped by (?:kernel|interface)$", re.MULTILINE)


class Capture:
    """One capture in the network namespace of whoever runs it. :meth:`stop` from any thread."""

    def __init__(self, order: CaptureOrder, device: str, known: Known) -> None:
        self._order = order
        self._device = order.device or device
        self._known = known
        self._stopped = threading.Event()
        self._said: list[bytes] = []
        self._ring = Ring(order.size)

    @property
    def packets(self) -> int:
        """How many are kept so far."""
        return self._ring.packets

    def stop(self) -> None:
        """End it now, with what there is."""
        self._stopped.set()

    def run(self, begun: Callable[[str], None] = lambda _: None) -> Captured:
        """Capture until a bound is reached. ``begun`` is told the device once nothing is missed any more.

        Raises :class:`ConfigError` without tcpdump, or when it cannot capture there.
        """
        argv = [
            *("tcpdump", "-n", "-U", "--immediate-mode", "-w", "-", "-i", self._device, "-s", str(self._order.snap)),
            *("-B", str(_BUFFER_KIB), "-c", str(self._order.packets), expression(self._order, self._known.port)),
        ]
        start = time.monotonic()
        ring = self._ring
        try:
            process = subprocess.Popen(  # a session of its own: Ctrl-C is ours to take
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, env=_environment()
            )
        except OSError as error:
            raise ConfigError(f"cannot run tcpdump: {error.strerror}", remedy="install tcpdump") from error
        with process:
            try:
                ended = self._read(process, ring, start, begun)
                seconds = time.monotonic() - start
                self._drain(process, ring, _LATE)  # what has arrived and was not fetched yet
                process.send_signal(signal.SIGINT)
                self._drain(process, ring, _ENDING)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_ENDING)
            finally:
                process.kill()
        said = b"".join(self._said).decode(errors="replace")
        if _LISTENS not in said:
            raise ConfigError(f"cannot capture on {self._device}: {_last(said)}", remedy="run it as root; devices: ip link")
        if ended == "packets" and process.returncode:
            ended = _last(said)
        return Captured(
            pcap=ring.pcap(),
            packets=ring.packets,
            pushed_out=ring.pushed_out,
            dropped=sum(int(count) for count in _DROPPED.findall(said)),
            seconds=round(seconds, 3),
            ended=ended,
            device=self._device,
            order=self._order,
            known=self._known,
        )

    def _read(self, process: subprocess.Popen[bytes], ring: Ring, start: float, begun: Callable[[str], None]) -> str:
        """Fill the ring; return why it is over. The bounded time begins when tcpdump listens."""
        until = start + _ENDING + self._order.seconds
        listens = False
        while not self._stopped.is_set():
            try:
                more = self._take(process, ring, _LOOK)
            except KeyboardInterrupt:
                break
            if not listens and _LISTENS.encode() in b"".join(self._said):
                listens, until = True, time.monotonic() + self._order.seconds
                begun(self._device)
            if not more:
                return "packets"
            if time.monotonic() >= until:
                return "seconds"
        return "interrupted"

    def _drain(self, process: subprocess.Popen[bytes], ring: Ring, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._take(process, ring, _LOOK):
            pass

    def _take(self, process: subprocess.Popen[bytes], ring: Ring, patience: float) -> bool:
        """Take what has come; False once both pipes are at their end."""
        pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None and not pipe.closed]
        for pipe in select.select(pipes, [], [], patience)[0] if pipes else ():
            data = os.read(pipe.fileno(), _PIECE)
            if not data:
                pipe.close()
            elif pipe is process.stdout:
                ring.feed(data)
            elif sum(map(len, self._said)) < _PIECE:
                self._said.append(data)
        return any(not pipe.closed for pipe in pipes)


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith("tcpdump: ") and _LISTENS not in line]
    return lines[-1].removeprefix("tcpdump: ") if lines else "tcpdump did not say why"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

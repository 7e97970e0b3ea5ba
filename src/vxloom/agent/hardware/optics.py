"""What a card's optics measure: `ethtool -m`, which may take seconds on a slow bus, and may never come back.

The texts are those of ethtool's sfpdiag.c and qsfp.c.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass

from vxloom.agent.hardware.sensors import believed
from vxloom.model.hardware import Sensor

PATIENCE = 5.0
AGAIN = 3600.0
"""Seconds until a card that has no optics, or does not tell of them, is asked again."""
_POWER = re.compile(r"^\s*(?:Receiver signal|Rcvr signal)[^:(]*(?:\(Channel (\d+)\))?[^:]*:[^/\n]*/\s*(-?\d+(?:\.\d+)?) dBm", re.MULTILINE)
_DIM = re.compile(r"^\s*(?:Laser )?rx power low alarm\s*(?:\(Chan(?:nel)? (\d+)\))?\s*:\s*On\b", re.MULTILINE | re.IGNORECASE)
_TEMPERATURE = re.compile(r"^\s*Module temperature\s*:\s*(-?\d+(?:\.\d+)?) degrees C", re.MULTILINE)
_HOT = re.compile(r"^\s*Module temperature high alarm\s*:\s*On\b", re.MULTILINE)
_DARK = -39.0
"""A lane at -40 dBm or -inf is not in use, or not measured: were it in use, its link were down."""


@dataclass(frozen=True, slots=True)
class Optics:
    """Received power (dBm) of the weakest lane with light, whether the optics raise an alarm about it, and their temperature."""

    power: float | None = None
    dim: bool = False
    sensor: Sensor | None = None


def parse(name: str, said: str) -> Optics:
    """Return what `ethtool -m` said of a card."""
    lanes = {lane: float(power) for lane, power in _POWER.findall(said) if float(power) > _DARK}
    dim = {lane for lane in _DIM.findall(said) if lane in lanes}
    heat = _TEMPERATURE.search(said)
    celsius = believed(round(float(heat[1]) * 1000)) if heat else None
    sensor = None if celsius is None else Sensor(f"optics ({name})", celsius, beyond=bool(_HOT.search(said)))
    return Optics(round(min(lanes.values()), 1) if lanes else None, bool(dim), sensor)


class OpticsReader:
    """Asks cards, one after another. A process that cannot be killed is left behind, and its card not asked again while it lives."""

    def __init__(self, program: str = "ethtool", *, patience: float = PATIENCE) -> None:
        self._program = program
        self._patience = patience
        self._silent: dict[str, float] = {}
        self._stuck: dict[str, subprocess.Popen[bytes]] = {}

    def read(self, name: str) -> Optics:
        """Return what a card's optics say; nothing when it has none."""
        stuck = self._stuck.get(name)
        if time.monotonic() < self._silent.get(name, 0.0) or (stuck is not None and stuck.poll() is None):
            return Optics()
        self._stuck.pop(name, None)
        said = self._ask(name)
        if said is None:
            self._silent[name] = time.monotonic() + AGAIN
            return Optics()
        return parse(name, said)

    def _ask(self, name: str) -> str | None:
        try:
            process = subprocess.Popen(
                [self._program, "-m", name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
            )
        except OSError:
            return None
        try:
            said, _ = process.communicate(timeout=self._patience)
        except subprocess.TimeoutExpired:
            process.kill()
            try:
                process.communicate(timeout=1)
            except subprocess.TimeoutExpired:
                self._stuck[name] = process
            return None
        return said.decode("ascii", "replace") if process.returncode == 0 else None

"""Runs inside a machine with four cards on two wires: makes a sensor and a bond, breaks both, prints what our reader sees at each stage.

Two cards are the legs of this machine's bond, the other two, in a namespace, those of what stands for a switch: they speak LACP.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from tests.waiting import wait_until
from vxloom.agent.facts import underlay
from vxloom.agent.hardware import HardwareWatch, once
from vxloom.agent.hardware.optics import OpticsReader
from vxloom.doctor.diagnosis import diagnose
from vxloom.doctor.evidence import HostEvidence
from vxloom.model.hardware import Bond, Hardware
from vxloom.settings import AgentSettings

VTEP = "192.0.2.1"
_CHIP = 0x48
_SLAVE_FORCE, _SMBUS, _WRITE, _WORD = 0x0706, 0x0720, 0, 3
"""linux/i2c-dev.h, linux/i2c.h."""


def run(line: str) -> None:
    subprocess.run(line.split(), check=True)


def heat(bus: str, celsius: int) -> None:
    """Set the register an LM75 measures into: degrees in its first byte."""
    device = os.open(f"/dev/{bus}", os.O_RDWR)
    word = array("B", struct.pack(">h", celsius * 256))
    data = array("B", struct.pack("=BBxxIQ", _WRITE, 0, _WORD, word.buffer_info()[0]))
    fcntl.ioctl(device, _SLAVE_FORCE, _CHIP)
    fcntl.ioctl(device, _SMBUS, data)
    os.close(device)


def sensor() -> str:
    """Make a bus with one LM75 on it; return the bus."""
    run(f"modprobe i2c-stub chip_addr={_CHIP:#x}")
    run("modprobe i2c-dev")
    run("modprobe lm75")
    [bus] = [file.parent for file in Path("/sys/bus/i2c/devices").glob("i2c-*/name") if "stub" in file.read_text()]
    heat(bus.name, 41)
    (bus / "new_device").write_text(f"lm75 {_CHIP:#x}\n")
    return bus.name


def bonds() -> None:
    """Bond eth0 and eth1 here, eth2 and eth3 there; the tunnel end point is on a bridge over a VLAN over the bond here."""
    for module in ("virtio_net", "bonding", "8021q", "bridge", "veth"):
        run(f"modprobe {module}")
    run("ip netns add switch")
    for card in ("eth2", "eth3"):
        run(f"ip link set {card} netns switch")
    for inside, legs in (("", ("eth0", "eth1")), ("ip netns exec switch ", ("eth2", "eth3"))):
        run(f"{inside}ip link add bond0 type bond mode 802.3ad lacp_rate fast miimon 50")
        for leg in legs:
            run(f"{inside}ip link set {leg} down")
            run(f"{inside}ip link set {leg} master bond0")
        run(f"{inside}ip link set bond0 up")
    run("ip link add link bond0 name bond0.100 type vlan id 100")
    run("ip link add cloudbr0 type bridge")
    run("ip link add vnet0 type veth peer name guest0")
    for port in ("bond0.100", "vnet0"):
        run(f"ip link set {port} master cloudbr0 up")
    run(f"ip addr add {VTEP}/24 dev cloudbr0")
    run("ip link set cloudbr0 up")


class Stages:
    """Looks until something is so, and prints what was seen then; each look is a slow one."""

    def __init__(self) -> None:
        keep = Path("/tmp/hardware.json")
        self._watch = HardwareWatch(partial(underlay, AgentSettings(vtep=VTEP)), keep, reader=OpticsReader())
        self._now = 0.0
        self.missed: list[str] = []

    def see(self, stage: str, so: Callable[[Hardware], bool]) -> None:
        last = Hardware()

        def seen() -> bool:
            nonlocal last
            self._now += 60
            last = self._watch.look(self._now)
            return so(last)

        try:
            wait_until(seen, stage, seconds=10)
        except AssertionError:
            self.missed.append(stage)  # the later stages are worth seeing, too
        evidence = HostEvidence("machine", hardware=once.look(underlay(AgentSettings(vtep=VTEP))))
        codes = [finding.code for finding in diagnose(evidence)]
        print(json.dumps({"stage": stage, "seen": msgspec.to_builtins(last), "codes": codes}), flush=True)


def _bond(hardware: Hardware) -> Bond:
    return hardware.bonds[0] if hardware.bonds else Bond("", "")


def _used(hardware: Hardware) -> list[str]:
    return [leg.name for leg in _bond(hardware).legs if leg.up and leg.joined and leg.synced]


def main() -> None:
    bus = sensor()
    bonds()
    stages = Stages()
    stages.see("well", lambda hardware: len(_used(hardware)) == 2 and bool(_bond(hardware).partner))
    heat(bus, 96)
    run("ethtool -K eth0 gro off")
    stages.see("hot", lambda hardware: any(one.celsius == 96 for one in hardware.sensors) and any(link.offloads for link in hardware.links))
    heat(bus, -55)
    run("ip -n switch link set eth3 down")
    stages.see("the switch is silent on one leg", lambda hardware: _used(hardware) == ["eth0"])
    run("ip link set eth1 down")
    stages.see("one leg is down", lambda hardware: any(not leg.up for leg in _bond(hardware).legs))
    Path("/sys/class/net/eth1/device/../remove").resolve().write_text("1")
    stages.see("one card is pulled", lambda hardware: len(_bond(hardware).legs) == 1)
    if stages.missed:
        raise SystemExit(f"not reached: {stages.missed}")


if __name__ == "__main__":
    main()

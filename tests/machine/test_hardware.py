"""What our reader sees of real drivers: an LM75 on a bus, LACP between two bonds, a leg that falls silent, down, and out."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.machine.guest import ROOT, Guest
from vxloom.doctor.judgement import Thresholds, judge, settle, strain
from vxloom.model.hardware import Bond, Hardware, Leg, Link


def cards() -> tuple[str, ...]:
    """Four cards on two wires: eth0 with eth2, eth1 with eth3."""
    arguments: list[str] = []
    for number in range(4):
        arguments += ["-netdev", f"hubport,id=n{number},hubid={number % 2}"]
        arguments += [
            "-device",
            f"virtio-net-pci,netdev=n{number},mac=02:00:00:00:01:0{number},speed=10000,duplex=full,addr={0x10 + number:#x}",
        ]
    return tuple(arguments)


def verdict(hardware: Hardware) -> tuple[list[str], str]:
    found = judge(hardware, Thresholds(), {})
    return sorted({finding.code for finding in found}), strain(hardware, settle({}, found, 0, 60))


@pytest.mark.slow
def test_a_real_sensor_and_a_real_bond_are_seen_at_every_stage(tmp_path: Path) -> None:
    done = Guest(tmp_path, devices=cards()).run(f"cd {ROOT} && .venv/bin/python -m tests.machine.hardware_stages")
    assert done.status == 0, done.output + done.console
    told = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    seen = {stage["stage"]: msgspec.convert(stage["seen"], Hardware) for stage in told}
    assert {stage["stage"]: stage["codes"] for stage in told} == {
        "well": [],
        "hot": ["host-hot"],
        "the switch is silent on one leg": ["bond-partner"],
        "one leg is down": ["bond-leg-down"],
        "one card is pulled": ["bond-leg-down"],
    }, "what the doctor finds of it"

    well = seen["well"]
    assert [(one.name[:6], one.celsius) for one in well.sensors] == [("lm75 (", 41)]
    links = tuple(msgspec.structs.replace(link, errors=0.0, drops=0.0) for link in well.links)
    assert links == tuple(Link(f"eth{n}", True, speed=10000, best=10000) for n in (0, 1)), "not the guest's tap"
    [bond] = well.bonds
    assert (bond.name, bond.mode, bond.legs) == ("bond0", "802.3ad", (Leg("eth0", True), Leg("eth1", True)))
    assert bond.partner.startswith("02:00:00:00:01:0")
    assert verdict(well) == ([], "")

    hot = seen["hot"]
    assert hot.links[0].offloads == ("rx-gro off",)
    assert verdict(hot) == (["host.link.offload", "host.temperature"], "is too hot")

    silent = seen["the switch is silent on one leg"]
    assert silent.sensors == (), "no machine runs at -55 degrees"
    assert all(link.up for link in silent.links), "its card has a carrier all the same"
    codes, why = verdict(silent)
    assert {"host.bond.aggregator", "host.bond.partner"} & set(codes)
    assert why == "has no redundant links"

    down = seen["one leg is down"]
    assert "host.bond.leg" in verdict(down)[0]
    assert [(link.name, link.up) for link in down.links] == [("eth0", True), ("eth1", False)]

    pulled = seen["one card is pulled"]
    assert [link.name for link in pulled.links] == ["eth0"]
    assert pulled.bonds == (Bond("bond0", "802.3ad", (Leg("eth0", True),), bond.partner),)
    assert verdict(pulled) == (["host.bond.leg", "host.link.offload"], "has no redundant links")

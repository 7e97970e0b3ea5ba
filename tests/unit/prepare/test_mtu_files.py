"""An MTU that netplan or NetworkManager keeps: their own programs read what is written, and undo brings the files back to the byte."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.prepare.fakes import link
from tests.unit.prepare.unpacked import ENVIRONMENT, TOOLS, generated
from vxloom.errors import PrepareError
from vxloom.prepare import run
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.machine import Link, Machine
from vxloom.prepare.managers import Manager
from vxloom.prepare.managers.netplan import FILE, Netplan
from vxloom.prepare.managers.network_manager import FOLDER, NetworkManager
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings


def kept(machine: Machine, manager: Manager, *links: Link, mtu: int = 9000) -> Sequence[AnyChange]:
    """Apply what keeps an MTU, and nothing else of the step mtu."""

    class Keep(Step):
        name = "mtu"

        def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
            return [change for change in manager.keep_mtu(machine, links, mtu) if not change.done(machine)]

    [part] = run.apply(machine, HostSettings(), [Keep()])
    assert part.problem == ""
    assert run.apply(machine, HostSettings(), [Keep()])[0].changes == (), "once done there is nothing to do"
    return part.changes


def files(machine: Machine, folder: str) -> dict[str, tuple[int | None, str | None]]:
    return {name: (machine.mode(f"{folder}/{name}"), machine.read(f"{folder}/{name}")) for name in machine.names(folder)}


# ---------------------------------------------------------------------------------------------------------------- netplan

INSTALLERS = """\
network:
  version: 2
  ethernets:
    eth0: {dhcp4: true}
    eth1: {}
    eth2: {mtu: 1400}
  bonds:
    bond0:
      interfaces: [eth1]
  vlans:
    bond0.7: {id: 7, link: bond0}
  bridges:
    cloudbr0:
      interfaces: [bond0.7]
      addresses: [192.0.2.1/24]
"""
STACK = link("eth1"), link("bond0", kind="bond"), link("bond0.7", kind="vlan"), link("cloudbr0", kind="bridge")


def told(made: dict[str, str]) -> dict[str, str]:
    """The MTUs that netplan asks networkd and udev for."""
    return {
        name.removeprefix("10-netplan-"): line.partition("=")[2]
        for name, text in made.items()
        for line in text.splitlines()
        if line.startswith("MTUBytes=")
    }


def test_netplan_asks_for_the_mtu_of_every_device_of_the_stack_until_undo(machine: Machine) -> None:
    machine.write("/etc/netplan/50-installer.yaml", INSTALLERS, 0o600)
    before, made = files(machine, "/etc/netplan"), generated(machine)
    kept(machine, Netplan(), *STACK)
    assert {name for name in files(machine, "/etc/netplan") if name not in before} == {"90-vxloom.yaml"}
    assert machine.mode(FILE) == 0o600, "netplan warns of others"
    jumbo = {name: mtu for name, mtu in told(generated(machine)).items() if mtu == "9000"}
    assert {name.rpartition(".")[0] for name in jumbo if name.endswith(".network")} == {"eth1", "bond0", "bond0.7", "cloudbr0"}
    assert run.undo(machine) == []
    assert (files(machine, "/etc/netplan"), generated(machine)) == (before, made)


def test_netplan_what_was_kept_before_of_other_devices_stays_kept(machine: Machine) -> None:
    machine.write("/etc/netplan/50-installer.yaml", INSTALLERS, 0o600)
    kept(machine, Netplan(), link("eth2"), mtu=1600)
    kept(machine, Netplan(), *STACK)
    assert machine.read(FILE) == (
        "# Made by vxloom host apply; vxloom host undo removes it.\nnetwork:\n  version: 2\n"
        "  bonds:\n    bond0:\n      mtu: 9000\n  bridges:\n    cloudbr0:\n      mtu: 9000\n"
        "  ethernets:\n    eth1:\n      mtu: 9000\n    eth2:\n      mtu: 1600\n  vlans:\n    bond0.7:\n      mtu: 9000\n"
    )
    assert told(generated(machine))["eth2.network"] == "1600", "read last, it goes before the installer's 1400"
    assert run.undo(machine) == []
    assert machine.names("/etc/netplan") == ["50-installer.yaml"]


def test_netplan_a_device_it_has_no_section_for_is_refused(machine: Machine) -> None:
    with pytest.raises(PrepareError, match="no section for mv0, a macvlan"):
        Netplan().keep_mtu(machine, [link("mv0", kind="macvlan")], 9000)


# ---------------------------------------------------------------------------------------------------------------- NetworkManager

PLAIN, GIVEN = (f"{digit * 8}-2222-3333-4444-555555555555" for digit in "16")
_NMCLI = """#!/bin/sh
for uuid in {plain} {given}; do case "$*" in *$uuid*) file={folder}/$uuid.nmconnection ;; esac; done
for last; do :; done
case "$*" in
"-g GENERAL.CON-UUID device show eth0") echo {plain} ;;
"-g GENERAL.CON-UUID device show eth1") echo {given} ;;
"-g 802-3-ethernet.mtu connection show uuid "*) mtu=$(sed -n s/^mtu=//p $file); echo ${{mtu:-auto}} ;;
"connection modify uuid "*)
    {environment} {tools}/usr/bin/nmcli --offline connection modify 802-3-ethernet.mtu $last < $file > $file.new || exit
    cat $file.new > $file; rm $file.new ;;
*) exit 1 ;;
esac
"""


def profile(uuid: str, device: str, mtu: str) -> str:
    """A keyfile in the form NetworkManager itself writes."""
    head = f"[connection]\nid={device}\nuuid={uuid}\ntype=ethernet\ninterface-name={device}\n\n"
    return f"{head}[ethernet]\n{mtu}\n[ipv4]\nmethod=auto\n\n[ipv6]\naddr-gen-mode=default\nmethod=auto\n\n[proxy]\n"


@pytest.fixture
def network_manager(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """nmcli as it is while NetworkManager runs: what it modifies, NetworkManager's own nmcli writes."""
    programs = tmp_path / "programs"
    programs.mkdir()
    words = " ".join(f"{name}={value}" for name, value in ENVIRONMENT.items())
    text = _NMCLI.format(plain=PLAIN, given=GIVEN, folder=machine.path(FOLDER), environment=words, tools=TOOLS)
    (programs / "nmcli").write_text(text)
    (programs / "nmcli").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    for uuid, device, mtu in ((PLAIN, "eth0", ""), (GIVEN, "eth1", "mtu=1600\n")):
        machine.write(f"{FOLDER}/{uuid}.nmconnection", profile(uuid, device, mtu), 0o600)
    return machine


def test_network_manager_is_told_of_the_mtu_and_told_back(network_manager: Machine) -> None:
    machine, manager = network_manager, NetworkManager()
    before = files(machine, FOLDER)
    assert [manager.has(machine, name) for name in ("eth0", "eth1", "eth2")] == [True, True, False]
    changes = kept(machine, manager, link("eth0"), link("eth1"))
    assert [change.what for change in changes] == [
        f"run nmcli connection modify uuid {uuid} 802-3-ethernet.mtu 9000" for uuid in (PLAIN, GIVEN)
    ]
    assert [text for _, text in files(machine, FOLDER).values()] == [
        profile(PLAIN, "eth0", "mtu=9000\n"),
        profile(GIVEN, "eth1", "mtu=9000\n"),
    ]
    assert run.undo(machine) == []
    assert files(machine, FOLDER) == before


def test_network_manager_what_somebody_has_set_since_stays(network_manager: Machine) -> None:
    machine = network_manager
    kept(machine, NetworkManager(), link("eth1"))
    machine.must("nmcli", "connection", "modify", "uuid", GIVEN, "802-3-ethernet.mtu", "4000")
    assert run.undo(machine) == []
    assert machine.read(f"{FOLDER}/{GIVEN}.nmconnection") == profile(GIVEN, "eth1", "mtu=4000\n")

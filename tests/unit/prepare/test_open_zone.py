"""A port in a zone of firewalld's, killed at every point; its program is a stand-in that keeps files as firewalld does.

firewalld's own takes a second a call; it is run in tests/kernel/test_firewalls.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.killing import points
from vxloom.prepare import run
from vxloom.prepare.changes import AnyChange, OpenZone, Run
from vxloom.prepare.journal import FILE
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

ZONE = "/etc/firewalld/zones/public.xml"
DELIVERED = "<zone>\n  <short>Public</short>\n</zone>\n"
PORT = '<port port="4789" protocol="udp"/>'
_FIREWALL_CMD = """#!/bin/sh
cd {root}; file=.{zone}; delivered=./usr/lib/firewalld/zones/public.xml
for option; do :; done
case "$*" in
--permanent*) ;;
*--query-port*) test -e now; exit ;;
*--add-port*) touch now; exit ;;
*--remove-port*) rm now; exit ;;
esac
case $option in
--query-port=*) test -e $file || file=$delivered; grep -q 4789 $file ;;
--load-zone-defaults=*) mv $file $file.old ;;
*)
    if test -e $file; then cp $file $file.old; else cp $delivered $file; fi
    case $option in --add-port=*) sed -i 's|^</zone>|  {port}\\n</zone>|' $file ;; *) sed -i '/4789/d' $file ;; esac
esac
"""


class Firewalld(Step):
    """As the step firewall has it with firewalld: what lasts, then what holds now."""

    name = "firewall"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        command = ("firewall-cmd", "--zone=public")
        look, add, remove = ((*command, f"--{verb}-port=4789/udp") for verb in ("query", "add", "remove"))
        wanted = [OpenZone(zone="public", port="4789/udp", reason="r"), Run(name="now", look=look, command=add, back=remove, reason="r")]
        return [change for change in wanted if not change.done(machine)]


@pytest.fixture
def firewalld(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "firewall-cmd").write_text(_FIREWALL_CMD.format(root=machine.root, zone=ZONE, port=PORT))
    (folder / "firewall-cmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    machine.write("/usr/lib/firewalld/zones/public.xml", DELIVERED)
    machine.path(ZONE).parent.mkdir(parents=True)
    return machine


def seen(machine: Machine) -> dict[str, str | None]:
    return {name: machine.read(name) for name in (ZONE, f"{ZONE}.old", "/now")}


def apply(machine: Machine) -> None:
    assert run.apply(machine, HostSettings(), [Firewalld()])[0].problem == ""


def undo(machine: Machine) -> None:
    assert run.undo(machine) == []
    assert not machine.exists(FILE)


@pytest.mark.parametrize("stood", [{}, {ZONE: DELIVERED.replace("Public", "Ours"), f"{ZONE}.old": DELIVERED}])
def test_wherever_it_is_killed_the_next_run_completes_it_and_undo_takes_it_back(firewalld: Machine, stood: dict[str, str]) -> None:
    for name, text in stood.items():
        firewalld.write(name, text)
    before = seen(firewalld)
    apply(firewalld)
    assert PORT in (seen(firewalld)[ZONE] or "")
    undo(firewalld)
    for point in points(lambda: apply(firewalld), 5):
        undo(firewalld)
        assert seen(firewalld) == before, point
    undo(firewalld)
    for point in points(lambda: apply(firewalld), 5):
        apply(firewalld)
        assert PORT in (seen(firewalld)[ZONE] or ""), point
        assert seen(firewalld)["/now"] == "", point
        undo(firewalld)
        assert seen(firewalld) == before, point
    for point in points(lambda: undo(firewalld), 3):
        undo(firewalld)
        assert seen(firewalld) == before, point
        apply(firewalld)

"""Receive queues of cards that only the test knows: what is asked of them, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from vxloom.prepare import run
from vxloom.prepare.changes import SetValue, WriteFile
from vxloom.prepare.machine import Done, Link, Machine
from vxloom.prepare.nic import SetNic
from vxloom.prepare.step import registry
from vxloom.settings import HostSettings

SETTINGS = HostSettings(labels={"Guest": "eth0"})
RSS = registry()["rss"]
RULES = "/etc/udev/rules.d/90-vxloom-rss.rules"
LETTERS = {"s": "IP SA", "d": "IP DA", "f": "L4 bytes 0 & 1 [TCP/UDP src port]", "n": "L4 bytes 2 & 3 [TCP/UDP dst port]"}


class Killed(BaseException):
    """The process ends here."""


class Host(Machine):
    """A machine with one card, eth0; its ethtool answers as Debian's 6.1 does."""

    def __init__(self, root: Path, cores: int, queues: tuple[int, int], hashes: dict[str, str], mask: str = "0") -> None:
        super().__init__(root)
        self.queues, self.hashes, self.refused = queues, hashes, False
        self.write("/sys/devices/system/cpu/online", f"0-{cores - 1}\n")
        self.write("/sys/class/net/eth0/queues/rx-0/rps_cpus", f"{mask}\n")

    def links(self) -> dict[str, Link]:
        return {"eth0": Link(name="eth0", mtu=1500, up=True, kind="", master="", lower="", mac="02:00:00:00:00:01", max_mtu=0)}

    def where(self, program: str) -> str:
        return {"ethtool": "/usr/sbin/ethtool", "irqbalance": "/usr/sbin/irqbalance"}.get(program, "")

    def run(self, *command: str, patience: float = 60.0, text: str | None = None) -> Done:
        match command:
            case "ethtool", "-l", _:
                now, most = self.queues
                return Done(
                    0, f"Pre-set maximums:\nRX:\t\tn/a\nCombined:\t{most}\nCurrent hardware settings:\nRX:\t\tn/a\nCombined:\t{now}\n", ""
                )
            case "ethtool", "-n", _, "rx-flow-hash", flow if flow in self.hashes:
                return Done(0, "".join(f"{LETTERS[letter]}\n" for letter in self.hashes[flow]), "")
            case "ethtool", "-L", _, "combined", number:
                self.queues = int(number), self.queues[1]
                return Done(0, "", "")
            case "ethtool", "-N", _, "rx-flow-hash", flow, letters if not self.refused:
                self.hashes[flow] = letters
                return Done(0, "", "")
        return Done(1, "", "Operation not supported")

    def state(self) -> tuple[object, ...]:
        return self.queues, dict(self.hashes), (self.read("/sys/class/net/eth0/queues/rx-0/rps_cpus") or "").strip(), self.read(RULES)


def host(root: Path) -> Host:
    return Host(root, 4, (1, 8), {"udp4": "sd", "udp6": "sdfn"})


def test_queues_and_hashes(tmp_path: Path) -> None:
    machine = host(tmp_path)
    before = machine.state()
    [part] = run.apply(machine, SETTINGS, [RSS])
    assert (part.problem, part.notes) == ("", ())
    assert machine.state()[:3] == ((4, 8), {"udp4": "sdfn", "udp6": "sdfn"}, "0")
    after = machine.state()
    assert run.plan(machine, SETTINGS, [RSS])[0].changes == ()
    assert run.undo(machine) == []
    assert machine.state() == before
    run.apply(machine, SETTINGS, [RSS])
    assert machine.state() == after


@pytest.mark.parametrize("boundary", range(6))
def test_a_run_killed_anywhere_is_completed_by_the_next_and_can_be_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boundary: int
) -> None:
    """Before and after each of three changes."""
    machine, left = host(tmp_path), boundary
    before = machine.state()

    def perhaps() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    for kind in (WriteFile, SetNic):
        real = kind.do

        def do(self: SetNic | WriteFile, machine: Machine, real=real) -> None:
            perhaps()
            real(self, machine)
            perhaps()

        monkeypatch.setattr(kind, "do", do)
    with pytest.raises(Killed):
        run.apply(machine, SETTINGS, [RSS])
    monkeypatch.undo()
    assert run.apply(machine, SETTINGS, [RSS])[0].problem == ""
    assert run.plan(machine, SETTINGS, [RSS])[0].changes == ()
    assert run.undo(machine) == []
    assert machine.state() == before


def test_more_queues_than_cores_are_not_made_fewer(tmp_path: Path) -> None:
    machine = Host(tmp_path, 2, (8, 8), {})
    [part] = run.plan(machine, SETTINGS, [RSS])
    assert part.changes == ()
    assert part.notes == tuple(f"eth0 does not say what it spreads {flow} by: it cannot be changed" for flow in ("udp4", "udp6"))


@pytest.mark.parametrize(
    ("cores", "mask", "wanted"),
    [(4, "0", "f"), (6, "00", "3f"), (40, "00,00000000", "ff,ffffffff"), (4, "00000000,00000000", "00000000,0000000f"), (4, "3", None)],
)
def test_one_queue_is_spread_by_the_kernel_unless_somebody_has_said_how(tmp_path: Path, cores: int, mask: str, wanted: str | None) -> None:
    machine = Host(tmp_path, cores, (0, 0), {}, mask)
    found = [change.value for change in run.plan(machine, SETTINGS, [RSS])[0].changes if isinstance(change, SetValue)]
    assert found == ([wanted] if wanted else [])


def test_a_driver_that_refuses_a_hash_is_left_alone_when_told_so(tmp_path: Path) -> None:
    machine = host(tmp_path)
    machine.refused = True
    [part] = run.apply(machine, SETTINGS, [RSS])
    assert "udp_flow_hash" in part.problem
    assert machine.queues == (4, 8), "what it does not refuse is done"
    told = HostSettings(labels=SETTINGS.labels, udp_flow_hash=False)
    [part] = run.apply(machine, told, [RSS])
    assert part.problem == ""
    assert "rx-flow-hash" not in (machine.read(RULES) or "")


def test_a_single_core_has_nobody_to_spread_to(tmp_path: Path) -> None:
    assert run.plan(Host(tmp_path, 1, (1, 8), {}), SETTINGS, [RSS])[0].not_applicable == "there is one core"

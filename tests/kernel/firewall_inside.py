"""What runs inside a firewalled hypervisor (firewalls.py): the step *firewall*, killed at every point where it touches the machine.

`python -m tests.kernel.firewall_inside FOLDER…`: the folders hold the tool's files.
"""

from __future__ import annotations

import difflib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from tests.killing import points
from vxloom.prepare import run
from vxloom.prepare.journal import FILE
from vxloom.prepare.machine import Machine
from vxloom.settings import HostSettings

MACHINE, SETTINGS = Machine(), HostSettings(labels={"Guest": "eth0"})


def seen() -> list[str]:
    """The tool's files, with their rights, and the rules in the kernel that name the port, each in its place."""
    files = sorted(path for folder in sys.argv[1:] for path in Path(folder).rglob("*") if path.is_file())
    rules = subprocess.run(["nft", "--stateless", "list", "ruleset"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [f"{before.strip()} / {line.strip()}" for before, line in pairwise(rules) if "4789" in line]
    return [f"{path} {path.stat().st_mode:o} {path.read_bytes()!r}" for path in files] + ours


def must_be(wanted: list[str], story: str, point: int = 0) -> None:
    differs = "\n".join(difflib.unified_diff(wanted, seen(), "wanted", "now", lineterm="", n=0))
    assert not differs, f"{story}, killed at {point}:\n{differs}"


def apply() -> None:
    [part] = run.apply(MACHINE, SETTINGS, run.chosen(["firewall"]))
    assert part.problem == "", part.problem


def undo() -> None:
    assert run.undo(MACHINE) == []
    assert not MACHINE.exists(FILE)


def every_point(before: list[str], after: list[str]) -> None:
    """Kill `apply`, then complete it, or take it back; kill `undo`, and complete that."""
    for point in points(apply, 4):
        apply()
        must_be(after, "apply, apply", point)
        undo()
        must_be(before, "apply, apply, undo", point)
    undo()
    for point in points(apply, 4):
        undo()
        must_be(before, "apply, undo", point)
    for point in points(undo, 2):
        undo()
        must_be(before, "undo, undo", point)
        apply()
        must_be(after, "undo, undo, apply", point)


def main() -> None:
    before = seen()
    apply()
    after = seen()
    assert after != before
    undo()
    must_be(before, "apply, undo")
    every_point(before, after)


if __name__ == "__main__":
    main()

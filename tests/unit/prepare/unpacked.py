"""Programs of packages that setup unpacks for tests and does not install."""

from __future__ import annotations

import os
import subprocess

from tests.meta.tree import ROOT
from vxloom.prepare.machine import Machine

TOOLS = ROOT / "build" / "guest-kernel" / "tools"
ENVIRONMENT = {"LD_LIBRARY_PATH": str(TOOLS / "usr/lib/x86_64-linux-gnu"), "LC_ALL": "C"}


def tool(name: str, *words: str, text: str = "") -> str:
    """Run a program of a package that is unpacked for tests, not installed."""
    done = subprocess.run(
        [str(TOOLS / name), *words], input=text, capture_output=True, text=True, check=False, env=os.environ | ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def generated(machine: Machine) -> dict[str, str]:
    """What netplan makes of its files for networkd."""
    for name in machine.names("/etc/netplan"):
        machine.path(f"/etc/netplan/{name}").chmod(0o600)
    tool("usr/libexec/netplan/generate", "--root-dir", str(machine.root))
    folder = "/run/systemd/network"
    return {name: machine.read(f"{folder}/{name}") or "" for name in machine.names(folder)}

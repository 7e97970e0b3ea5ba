"""Reading what /proc says."""

from __future__ import annotations

from pathlib import Path

from vxloom.doctor.evidence import Process
from vxloom.doctor.gather import agent_process, memberships

IGMP = """Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
2\teth0      :     3      V3
\t\t\t\t010000EF     1 0:00000000\t\t0
\t\t\t\t020000EF     1 0:00000000\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
"""


def process(proc: Path, number: int, state: str, *words: str, namespace: str = "net:[1]") -> None:
    folder = proc / str(number)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns" / "net").symlink_to(namespace)
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
    (folder / "stat").write_text(f"{number} (vxloom (agent)) {state} 1 1")


def proc_of(tmp_path: Path) -> Path:
    proc = tmp_path / "proc"
    (proc / "self" / "ns").mkdir(parents=True)
    (proc / "self" / "ns" / "net").symlink_to("net:[1]")
    return proc


def test_groups_are_read_and_the_all_hosts_group_is_left_out() -> None:
    assert memberships(IGMP) == {"eth0": frozenset({"239.0.0.1", "239.0.0.2"})}
    assert memberships("") == {}


def test_the_agent_is_found_by_its_command_line(tmp_path: Path) -> None:
    proc = proc_of(tmp_path)
    assert agent_process(proc) is Process.GONE
    process(proc, 10, "S", "vim", "vxloom", "notes")
    process(proc, 11, "S", "/opt/vxloom/bin/vxloom", "agent", "--observe")
    process(proc, 12, "S", "python3", "/opt/vxloom/bin/vxloom", "agent", namespace="net:[2]")
    assert agent_process(proc) is Process.GONE
    process(proc, 13, "T", "python3", "/opt/vxloom/bin/vxloom", "agent", "--server", "mgmt:8250")
    assert agent_process(proc) is Process.FROZEN
    process(proc, 14, "S", "/opt/vxloom/bin/vxloom", "agent")
    assert agent_process(proc) is Process.RUNS

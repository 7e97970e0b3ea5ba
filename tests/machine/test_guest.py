"""The machine that other tests boot is what they take it for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.guest import ROOT, Guest


@pytest.mark.slow
def test_a_script_runs_under_another_kernel_and_its_disk_lasts(tmp_path: Path) -> None:
    guest = Guest(tmp_path)
    mark = Path("/etc/vxloom-machine-test")
    python = f"{ROOT}/.venv/bin/python -c 'import vxloom, sys; print(sys.version_info[0])'"
    first = guest.run(f"uname -r; modprobe 8021q && ls /proc/net/vlan; {python}; echo x > {mark}")
    assert first.status == 0, first.console
    release, *vlan, major = first.output.split()
    assert "amd64" in release
    assert vlan == ["config"]
    assert major == "3"
    assert not mark.exists()
    second = guest.run(f"cat {mark}; exit 7")
    assert (second.status, second.output) == (7, "x\n")

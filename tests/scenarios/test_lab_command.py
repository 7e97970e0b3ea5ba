"""`vxloom lab`, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

VXLOOM = str(Path(sys.prefix, "bin", "vxloom"))


def _vxloom(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([VXLOOM, "lab", *argv], capture_output=True, text=True, check=False, timeout=90)


def test_the_command_line_from_up_to_down(lab_directory: Path) -> None:
    up = _vxloom("up", "--bare", "--lab", "cli", "--hypervisors", "2", "--port", "0")
    assert (up.returncode, up.stdout.splitlines()[0].partition(" is up")[0]) == (0, "lab 'cli'"), up.stderr
    facts = json.loads(_vxloom("status", "--lab", "cli", "--output", "json").stdout)
    assert [node["node"] for node in facts["nodes"]] == ["underlay", "mgmt", "h1", "h2"]
    assert "10.200.1.2" in (seen := _vxloom("status", "--lab", "cli").stdout)
    assert "no management server" in up.stdout
    assert "no management server" in seen
    assert _vxloom("exec", "--lab", "cli", "h1", "--", "sh", "-c", "hostname; exit 7").returncode == 7
    assert _vxloom("exec", "--lab", "cli", "h1", "hostname").stdout == "h1\n"
    assert "cannot reach each other" in _vxloom("fault", "partition", "--lab", "cli", "h1", "h2").stdout
    assert _vxloom("fault", "heal", "--lab", "cli").returncode == 0
    for wrong, words in (
        (("exec", "--lab", "cli", "h9", "true"), "no node 'h9'"),
        (("guest", "--lab", "cli", "web9", "true"), "no hypervisor has a guest 'web9'"),
        (("env", "--lab", "cli"), "no keys yet"),
        (("fault", "mtu", "--lab", "cli", "h1", "wide"), "'wide' is not an MTU"),
        (("up", "--bare", "--lab", "cli"), "already up"),
    ):
        answer = _vxloom(*wrong)
        assert answer.returncode in {1, 2}
        assert words in answer.stderr
        assert "Traceback" not in answer.stderr
    assert "is gone" in _vxloom("down", "--lab", "cli").stdout
    status = _vxloom("status", "--lab", "cli")
    assert (status.returncode, "`vxloom lab up --lab cli` starts it" in status.stderr) == (1, True)
    assert _vxloom("down", "--lab", "cli").returncode == 0

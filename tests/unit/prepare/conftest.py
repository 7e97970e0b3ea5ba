from __future__ import annotations

from pathlib import Path

import pytest

from vxloom.prepare.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose files, kernel settings among them, are in a folder of the test's."""
    root = tmp_path / "root"
    for name, text in {
        "proc/sys/net/ipv4/igmp_max_memberships": "20\n",
        "proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024\n",
        "etc/hosts": "127.0.0.1 localhost\n",
    }.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Machine(root)

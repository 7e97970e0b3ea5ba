"""Unmodified clients of CloudStack's API as processes of their own: which there are, and how a test runs one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.api.world import SCRIPTS

CLIENTS = Path(__file__).parent / "clients"
ROOT = CLIENTS.parents[2]
NODE_MODULES = ROOT / "build" / "clients" / "node_modules"

# A library is run by an interpreter; its release decides which. Debian's are those of the distribution's own interpreter.
PYTHONS = {"pypi": sys.executable, "debian": "/usr/bin/python3"}
COMMAND_LINES = {"pypi": str(SCRIPTS / "cs"), "debian": "/usr/bin/cloudstack"}


class Programs:
    """Runs clients against one server, each in an empty home: nothing of this machine's configuration reaches them."""

    def __init__(self, exports: Mapping[str, str], home: Path) -> None:
        """Make one. ``exports``: where the server is and with which keys, as CLOUDSTACK_* variables."""
        self._exports = exports
        self.home = home

    def run(self, *command: str | Path, seconds: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        env = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        env |= {"HOME": str(self.home), "TMPDIR": str(self.home), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"} | self._exports | environment
        return subprocess.run(list(map(str, command)), env=env, cwd=self.home, capture_output=True, text=True, timeout=seconds, check=False)

    def succeed(self, *command: str | Path, seconds: float = 120, **environment: str) -> str:
        """Run, and return what was printed on standard output.

        Raises:
            AssertionError: The program failed; all it said is in the message.
        """
        done = self.run(*command, seconds=seconds, **environment)
        assert done.returncode == 0, f"{Path(command[0]).name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

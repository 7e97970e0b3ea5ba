"""Tests that boot machines or wait for real clients run in a second pytest process beside the others: they take minutes of one core.

The process that was started collects everything, hands those items to the other at once and takes their reports when it comes to them,
so there is one count, one list of failures and one exit code. What is selected alone runs as ever.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

_BESIDE = frozenset({"api", "machine"})


class Reports:
    """In the second process: every report as a line of JSON."""

    def __init__(self, config: pytest.Config, file: str) -> None:
        self._config = config
        self._file = Path(file).open("a", encoding="utf-8")  # noqa: SIM115 - open for as long as the process lives

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._tell({"report": self._config.hook.pytest_report_to_serializable(config=self._config, report=report)})

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._tell({"finished": nodeid})

    def _tell(self, word: dict[str, object]) -> None:
        self._file.write(json.dumps(word) + "\n")
        self._file.flush()


class Beside:
    """In the first process: starts the second one, and stands in for its items."""

    def __init__(self, stratum: Callable[[pytest.Item], str]) -> None:
        self._stratum = stratum
        self._process: subprocess.Popen[bytes] | None = None
        self._items: frozenset[str] = frozenset()
        self._told: dict[str, list[pytest.TestReport]] = {}
        self._finished: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        beside = [item for item in session.items if self._stratum(item) in _BESIDE]
        here = [item for item in session.items if self._stratum(item) not in _BESIDE]
        if not beside or not here or session.config.option.collectonly or session.config.option.usepdb or (os.cpu_count() or 1) < 2:
            return
        # The last item ends what the session shares, and has to be one of this process's.
        session.items[:] = [*here[:-1], *beside, here[-1]]
        self._items = frozenset(item.nodeid for item in beside)
        self._start(session, [item.nodeid for item in beside])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        if item.nodeid not in self._items:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_unconfigure(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._folder.cleanup()

    def _start(self, session: pytest.Session, names: list[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vxloom-beside-")
        folder = Path(self._folder.name)
        self._output = folder / "output"
        self._lines = (folder / "reports").open("a+", encoding="utf-8")
        self._config = session.config
        command = ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--reports", self._lines.name, *names],
                cwd=session.config.rootpath,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _reports(self, item: pytest.Item) -> Iterator[pytest.TestReport]:
        """Return an item's reports when it has ended; one that failed, if the process ended before it."""
        assert self._process is not None
        while item.nodeid not in self._finished:
            ended = self._process.poll() is not None
            self._read(self._lines)
            if ended and item.nodeid not in self._finished:
                text = f"the process beside ended with {self._process.returncode}:\n{self._output.read_text(errors='replace')[-4000:]}"
                yield pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
                return
            threading.Event().wait(0.05)
        yield from self._told[item.nodeid]

    def _read(self, lines: TextIO) -> None:
        while (line := lines.readline()).endswith("\n"):
            word = json.loads(line)
            if "finished" in word:
                self._finished.add(word["finished"])
            else:
                report = self._config.hook.pytest_report_from_serializable(config=self._config, data=word["report"])
                self._told.setdefault(report.nodeid, []).append(report)
        if line:  # half of one
            lines.seek(lines.tell() - len(line.encode()))

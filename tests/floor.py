"""Branch coverage of the pure rooms, measured only while pure strata run: tracing a scenario would slow it down and prove nothing."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Generator

import coverage
import pytest

_COVERAGE = coverage.Coverage()
if "--floor" in sys.argv:
    # Here and not later: conftest.py files of single folders are imported before any hook runs, and importing a module runs its top level.
    _COVERAGE.start()
_PURE = {"unit", "golden", "properties", "contract"}


class PureRoomsFloor:
    """A pytest plug-in. The floor is `fail_under` in pyproject.toml's [tool.coverage.report]; it only ever rises."""

    def __init__(self, stratum: Callable[[pytest.Item], str]) -> None:
        self._stratum = stratum
        self._coverage = _COVERAGE
        self._percent = 100.0
        self._text = ""
        self._running = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._switch(on=self._stratum(item) in _PURE)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        self._switch(on=False)
        report = io.StringIO()
        try:
            self._percent = self._coverage.report(file=report)
        except coverage.exceptions.NoDataError:
            report.write("no pure room was imported")
        self._text = report.getvalue()
        floor = float(str(self._coverage.get_option("report:fail_under") or 0))
        if self._percent < floor and session.exitstatus == pytest.ExitCode.OK:
            self._text += f"\nbranch coverage of the pure rooms is {self._percent:.1f} %, below the floor of {floor:.1f} %"
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("branch coverage of the pure rooms")
        terminalreporter.write_line(self._text)

    def _switch(self, *, on: bool) -> None:
        if on and not self._running:
            self._coverage.start()
        if not on and self._running:
            self._coverage.stop()
        self._running = on

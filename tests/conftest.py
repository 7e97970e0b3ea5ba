"""What every stratum shares: the right to make namespaces, hypothesis' profile, and the guard that nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.beside import Beside, Reports
from tests.floor import PureRoomsFloor
from tests.guard import Guard

if TYPE_CHECKING:
    from tests.postgres import Cluster

_TESTS = Path(__file__).parent
_NEED_NAMESPACES = {"contract", "kernel", "machine", "scenarios"}

hypothesis.settings.register_profile(
    "vxloom",
    deadline=None,  # two shared cores: wall clock says nothing about the code
    derandomize="CI" in os.environ,  # a red build must be red again when it is run again
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
)
hypothesis.settings.load_profile("vxloom")


def stratum(item: pytest.Item) -> str:
    """The folder under tests/ that an item lives in."""
    return item.path.relative_to(_TESTS).parts[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--floor", action="store_true", help="measure branch coverage of the pure rooms and fail below the floor")
    parser.addoption("--reports", metavar="FILE", help="write every report as a line of JSON: for the process that runs beside another")
    parser.addoption("--update", action="store_true", help="rewrite golden files instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--floor"):
        config.pluginmanager.register(PureRoomsFloor(stratum), "vxloom-floor")
    if file := config.getoption("--reports"):
        config.pluginmanager.register(Reports(config, file), "vxloom-reports")
    else:
        config.pluginmanager.register(Beside(stratum), "vxloom-beside")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail at once, in one line, where namespaces cannot be made. Nothing is skipped: a skipped test proves nothing."""
    if os.geteuid() != 0 and any(stratum(item) in _NEED_NAMESPACES for item in session.items):
        pytest.exit("these tests create network namespaces and need root: run them through `make test`", returncode=4)


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail the run if it changed the real machine's network or left a process or a namespace behind."""
    guard = Guard.start()
    yield
    left = guard.finish()
    if left:
        pytest.fail("the test run left something behind:\n  " + "\n  ".join(left), pytrace=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A throw-away PostgreSQL; lend from it with ``with postgresql.database() as url``."""
    from tests.postgres import Cluster  # late: it imports rooms whose first lines the floor wants to see run

    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database of each kind a store can live in."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
    else:
        with request.getfixturevalue("postgresql").database() as url:
            yield url

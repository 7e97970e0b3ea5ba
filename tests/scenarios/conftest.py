"""Labs for scenarios: two hypervisors per module unless it makes its own; their state stays under the run's own directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.clouds import Cloud, running
from vxloom.lab import Lab, state


@pytest.fixture(scope="session", autouse=True)
def lab_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where labs of this run keep their state."""
    directory = tmp_path_factory.mktemp("labs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(state.BASE_VARIABLE, str(directory))
        yield directory


@pytest.fixture(scope="module")
def lab(lab_directory: Path) -> Iterator[Lab]:
    with Lab(hypervisors=2) as made:
        yield made


@pytest.fixture(scope="session")
def cloud(lab_directory: Path) -> Iterator[Cloud]:
    """Three hosts, joined; for tests that make networks of their own and break no host."""
    with running(3) as made:
        yield made

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.api.desk import Desk, template_store


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_store(tmp_path_factory.mktemp("template"))


@pytest.fixture
def desk(_template: Path, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(_template, tmp_path)
    yield desk
    desk.store.close()


@pytest.fixture
def zone(desk: Desk) -> str:
    return desk.zone()

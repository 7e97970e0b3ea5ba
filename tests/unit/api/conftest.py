from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.api.desk import Desk, Stock, template_store
from tests.unit.api.walk import Town, build
from vxloom.store import Store


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_store(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def _stock(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    file = shutil.copy(_template, tmp_path_factory.mktemp("stock") / "store.db")
    stock = Stock(Store(f"sqlite:///{file}"), file)
    yield stock
    stock.close()


@pytest.fixture
def desk(_stock: Stock) -> Desk:
    return Desk.of(_stock.refill())


@pytest.fixture(scope="session")
def town(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = build(_template, tmp_path_factory.mktemp("town"))
    yield town
    town.stock.close()


@pytest.fixture
def zone(desk: Desk) -> str:
    return desk.zone()

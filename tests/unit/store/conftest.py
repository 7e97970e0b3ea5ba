from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.store.world import World


@pytest.fixture
def world(database: str) -> Iterator[World]:
    made = World.make(database)
    yield made
    made.store.close()

"""A store is opened beside its server only when it is there, and of this version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vxloom.errors import StateError
from vxloom.store import Store, beside, records


def test_it_is_opened_while_a_server_has_it(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)), closing(beside(tmp_path, "")) as second, second.read() as rx:
        assert rx.count(records.User) == 1


def test_it_is_neither_made_nor_migrated(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no store"):
        beside(tmp_path, "")
    assert not list(tmp_path.iterdir())
    Store.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(StateError, match="another vxloom"):
        beside(tmp_path, "")

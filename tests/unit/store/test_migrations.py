"""The database's schema: migrations add up to the tables, and what is not ours is left alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from vxloom.errors import StateError
from vxloom.store import Store, engine, migrate, records
from vxloom.store.schema import METADATA, TABLES


def test_migrating_from_empty_gives_exactly_the_tables(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.db")
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    store.close()


def test_rows_of_the_first_schema_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with engine.lend(engine.make_engine(f"sqlite:///{file}"), write=True) as connection, connection.begin():
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for text in (
            "INSERT INTO domains (id, name, path, level, state, created) VALUES ('d', 'ROOT', 'ROOT', 0, 'Active', 1)",
            "INSERT INTO accounts (id, name, domain, type, state, created) VALUES ('a', 'admin', 'd', 1, 'enabled', 1)",
            "INSERT INTO meta (id, value) VALUES ('epoch', '6d1c3a52-0000-4000-8000-000000000000')",
        ):
            connection.exec_driver_sql(text)
    store = Store(f"sqlite:///{file}")
    with store.read() as rx:
        account = rx.get(records.Account, "a")
        assert account is not None
        assert (account.name, account.role) == ("admin", None)
    assert store.epoch == "6d1c3a52-0000-4000-8000-000000000000"
    store.close()


def test_a_newer_schema_is_held(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    Store(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StateError, match="9999"):
        Store(f"sqlite:///{file}")


def test_a_foreign_database_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(StateError, match="not vxloom's"):
        Store(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


@pytest.mark.parametrize("torn", [b"not a database at all, but long enough to look like one" * 20, None])
def test_a_torn_file_is_one_line_and_kept(tmp_path: Path, torn: bytes | None) -> None:
    file = tmp_path / "store.db"
    Store(f"sqlite:///{file}").close()
    whole = file.read_bytes()
    content = torn if torn is not None else whole[:4096] + b"\xff" * 20_000 + whole[24_096:]
    file.write_bytes(content)
    with pytest.raises(StateError, match=r"store\.db"):
        Store(f"sqlite:///{file}")
    assert file.read_bytes()[:1000] == content[:1000]


def test_many_may_open_an_empty_store_at_once(tmp_path: Path) -> None:
    program = f"from vxloom.store import Store; print(Store('sqlite:///{tmp_path}/store.db').epoch)"
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(6)]
    epochs = {one.communicate(timeout=60)[0] for one in running}
    assert [one.returncode for one in running] == [0] * 6
    assert len(epochs) == 1


def test_the_tables_can_be_made_on_postgresql_too() -> None:
    """One code path: nothing in the schema is SQLite's own."""
    made = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in METADATA.sorted_tables]
    assert len(made) == len(TABLES)
    assert not [text for text in made if "DATETIME" in text or "AUTOINCREMENT" in text]


class _Cursor:
    """Refuses as many times as told."""

    def __init__(self, *refusals: str) -> None:
        self.refusals = list(refusals)
        self.said: list[str] = []

    def execute(self, text: str) -> None:
        self.said.append(text)
        if self.refusals:
            raise sqlite3.OperationalError(self.refusals.pop(0))


def test_a_new_file_that_another_switches_at_the_same_moment_is_tried_again() -> None:
    cursor = _Cursor("database is locked", "database is locked")
    engine._write_ahead(cursor)
    assert cursor.said == ["PRAGMA journal_mode = WAL"] * 3


def test_any_other_refusal_of_a_file_is_told() -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        engine._write_ahead(_Cursor("attempt to write a readonly database"))

"""The database connection: SQLite and PostgreSQL as they must be set for many writers, and the one place that reads their own errors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from vxloom.errors import ConfigError, RequestError, StateError
from vxloom.store.schema import METADATA

BUSY_SECONDS = 60
"""How long a writer waits for its turn; transactions take milliseconds, so a longer wait means a hung process."""

WRITE = {"vxloom_write": True}
"""Execution options of a connection that will write: it then takes the write lock at once."""

_WRITERS, _SERVERS = 0x76786C77, 0x76786C73
"""PostgreSQL's advisory locks: of whoever writes, and of the server that has opened the database (numbers unlikely to be others')."""
# A writer that hangs must not hang all others, and one whose machine is gone must lose its locks long before TCP's two hours.
_POSTGRESQL_SESSION = f"""
SET lock_timeout = '{BUSY_SECONDS}s';
SET idle_in_transaction_session_timeout = '{BUSY_SECONDS}s';
SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
SET client_min_messages = warning
"""

_URLS = "use sqlite:///FILE or postgresql+psycopg://…"


def sqlite_url(data: Path) -> str:
    """Return the URL of the SQLite store in a data folder."""
    return f"sqlite:///{data / 'store.db'}"


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite URL, None for another database. Raises :class:`ConfigError` for what is no URL."""
    parsed = _parse(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def shown(url: str) -> str:
    """Return a URL as it may be shown: without its password."""
    return _parse(url).render_as_string()


def make_engine(url: str) -> sa.Engine:
    """Return an engine; raises :class:`ConfigError` for a URL or driver that is not there."""
    parsed = _parse(url)
    try:
        if parsed.get_backend_name() == "postgresql":
            return _postgresql(parsed)
        if parsed.get_backend_name() != "sqlite":
            raise ConfigError(f"database {parsed.render_as_string()} is neither SQLite nor PostgreSQL", remedy=_URLS)
        engine = sa.create_engine(parsed, pool_size=16, max_overflow=112, connect_args={"timeout": BUSY_SECONDS})
    except (NoSuchModuleError, ImportError) as error:  # psycopg without libpq is an ImportError
        remedy = "use postgresql+psycopg://…, with Debian's libpq5 installed" if "postgresql" in parsed.drivername else _URLS
        raise ConfigError(f"database {parsed.render_as_string()}: {one_line(error)}", remedy=remedy) from error
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    # One writer at a time in each process (the store's turn), so most connections are readers'; PostgreSQL allows 100 in all.
    # pre_ping: what was connected before PostgreSQL restarted is thrown away instead of failing somebody's request.
    engine = sa.create_engine(url, pool_size=8, max_overflow=24, pool_pre_ping=True, isolation_level="READ COMMITTED")
    sa.event.listen(engine, "connect", _prepare_postgresql)
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def lend(engine: sa.Engine, *, write: bool) -> sa.Connection:
    """Return a connection whose next transaction writes, or reads one consistent view."""
    connection = engine.connect()
    if write:
        return connection.execution_options(**WRITE)
    if engine.dialect.name == "postgresql":
        # READ COMMITTED would show each statement another state.
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return connection


def hold_server_lock(engine: sa.Engine) -> Callable[[], None]:
    """Be the one server of this database until the returned function is called, or this process ends.

    SQLite's is guarded by the data folder's lock. Raises :class:`StateError` while another has it.
    """
    if engine.dialect.name != "postgresql":
        return lambda: None
    held = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    if not held.exec_driver_sql(f"SELECT pg_try_advisory_lock({_SERVERS})").scalar_one():
        held.close()
        raise StateError(f"another server is running on {engine.url.render_as_string()}", remedy="stop it first")

    def release() -> None:
        held.invalidate()  # ends the connection, and the lock with it; the pool must not lend it on
        held.close()

    return release


def _parse(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"database {url!r} is not a URL", remedy=_URLS) from error


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: Python's own comes too late, only before the first write
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")  # a commit that hosts were told of must survive a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: DBAPICursor) -> None:
    """Switch to write-ahead logging. Two that switch a new file at once would wait for each other, so SQLite refuses one of them
    without its busy time-out (sqlite3_busy_handler, "deadlock"): it tries again.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    # A deferred transaction that turns writer half-way reads stale rows first: 580 distinct VNIs for 800 allocations (measured).
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("vxloom_write") else "BEGIN")


def _prepare_postgresql(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(_POSTGRESQL_SESSION)
    cursor.close()
    connection.commit()


def _begin_postgresql(connection: sa.Connection) -> None:
    # BEGIN IMMEDIATE's equal. Writers decide from what they read (the last port of a segment, a free number), so they take turns, across
    # processes, too; each statement after this one sees all that was committed before. PostgreSQL drops it after the commit is visible.
    if connection.get_execution_options().get("vxloom_write"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


def one_line(error: object) -> str:
    """Return an error's text without its line breaks."""
    return " ".join(str(error).split())


def is_clash(error: IntegrityError) -> bool:
    """Tell whether a value is taken that must be unique."""
    return "UNIQUE" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "23505"


def request_error(error: IntegrityError, what: str, *, deleting: bool = False) -> RequestError:
    """Return what a refused constraint means to the API's caller: 431, or 536 where something still refers to what is ``deleting``."""
    text = one_line(error.orig)
    state = getattr(error.orig, "sqlstate", "")
    if is_clash(error):
        return RequestError(f"{what} already exists: {_taken(error, text)} is taken", remedy="choose another")
    if "FOREIGN KEY" not in text and state != "23503":
        return RequestError(f"{what} is incomplete: {text}")
    if deleting:
        return RequestError(f"{what} is in use", code=536, cs_code=4375, remedy="delete what uses it first")
    return RequestError(f"{what} refers to something that does not exist")


def _taken(error: IntegrityError, text: str) -> str:
    """Return the columns whose value is taken, ``zones.name``: SQLite says them, PostgreSQL names the constraint."""
    said = getattr(error.orig, "diag", None)
    if said is None:
        return text.partition(": ")[2] or text
    table = METADATA.tables.get(said.table_name)
    for rule in table.constraints if table is not None else ():
        if rule.name == said.constraint_name and isinstance(rule, sa.UniqueConstraint | sa.PrimaryKeyConstraint):
            return ", ".join(f"{said.table_name}.{column.name}" for column in rule.columns)
    return str(said.constraint_name)


def database_error(error: DatabaseError, url: sa.URL) -> StateError | RequestError:
    """Return what a failing database means: a value it cannot keep, torn file, full disk, no connection, or a writer that hangs."""
    text = one_line(error.orig)
    if isinstance(error, DataError):  # PostgreSQL keeps neither NUL characters nor numbers beyond 64 bits
        return RequestError(f"the database cannot keep this value: {text}")
    where = f"database {url.render_as_string()}: {text}"
    if "locked" in text or getattr(error.orig, "sqlstate", "") == "55P03":
        return StateError(where, remedy=f"another process kept it locked for {BUSY_SECONDS} s: find and end it")
    if url.get_backend_name() == "postgresql":
        return StateError(where, remedy="check that PostgreSQL runs, and that role and database of the URL exist")
    return StateError(where, remedy="check the room left and the connection; a damaged file needs `vxloom server restore`")

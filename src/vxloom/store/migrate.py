"""Bringing a database to this version's schema, once, whoever opens it first."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from vxloom.errors import StateError

_SCRIPTS = Path(__file__).parent / "migrations"
_TABLE = "alembic_version"


def upgrade(connection: sa.Connection) -> bool:
    """Migrate within the caller's transaction (which holds the write lock). Return True if anything was done.

    Raises :class:`StateError` for a database of a newer vxloom, or one that is not vxloom's.
    """
    current = version(connection)
    if current == _head():
        return False
    if current is None and sa.inspect(connection).get_table_names():
        raise StateError("the database holds tables that are not vxloom's", remedy="give another --data or database")
    if current is not None and not known(current):
        raise StateError(
            f"the database has schema {current}, which this vxloom does not know", remedy="start the newer vxloom, or restore a backup"
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def version(connection: sa.Connection) -> str | None:
    """Return the database's schema version."""
    if not sa.inspect(connection).has_table(_TABLE):
        return None
    return connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(_TABLE)))


def is_current(connection: sa.Connection) -> bool:
    """Tell whether the database's schema is this vxloom's own."""
    return version(connection) == _head()


def known(schema: str) -> bool:
    """Tell whether this vxloom can bring a database of that schema to its own."""
    try:
        return ScriptDirectory.from_config(_config()).get_revision(schema) is not None
    except CommandError:
        return False


@cache
def _head() -> str | None:
    """Return the newest schema this vxloom has; it is the same as long as the process runs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config

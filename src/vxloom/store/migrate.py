"""Bringing a database to this version's schema, once, whoever opens it first."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from vxloom.errors import StateError

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: sa.Connection) -> bool:
    """Migrate within the caller's transaction (which holds the write lock). Return True if anything was done.

    Raises :class:`StateError` for a database of a newer vxloom, or one that is not vxloom's.
    """
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return False
    if current is None and sa.inspect(connection).get_table_names():
        raise StateError("the database holds tables that are not vxloom's", remedy="give another --data or database")
    if current is not None and not _known(scripts, current):
        raise StateError(
            f"the database has schema {current}, which this vxloom does not know", remedy="start the newer vxloom, or restore a backup"
        )
    command.upgrade(config, "head")
    return True


def version(connection: sa.Connection) -> str | None:
    """Return the database's schema version."""
    return MigrationContext.configure(connection).get_current_revision()


def is_current(connection: sa.Connection) -> bool:
    """Tell whether the database's schema is this vxloom's own."""
    return version(connection) == ScriptDirectory.from_config(_config(connection)).get_current_head()


def known(connection: sa.Connection, schema: str) -> bool:
    """Tell whether this vxloom can bring a database of that schema to its own."""
    return _known(ScriptDirectory.from_config(_config(connection)), schema)


def _known(scripts: ScriptDirectory, schema: str) -> bool:
    try:
        return scripts.get_revision(schema) is not None
    except CommandError:
        return False


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config

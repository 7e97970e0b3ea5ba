"""Alembic's entry: runs the migrations on the connection `vxloom.store.migrate` opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from vxloom.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()

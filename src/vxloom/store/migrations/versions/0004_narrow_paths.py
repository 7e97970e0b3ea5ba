"""Paths between hosts that were measured to carry less than their networks need.

Revision: 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "narrow_paths",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("carries", sa.BigInteger(), nullable=False),
        sa.Column("measured", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["host"], ["hosts.id"], name=op.f("fk_narrow_paths_host"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_narrow_paths")),
        sa.UniqueConstraint("host", "remote", name=op.f("uq_narrow_paths_host_remote")),
    )
    op.create_index(op.f("ix_narrow_paths_zone"), "narrow_paths", ["zone"], unique=False)

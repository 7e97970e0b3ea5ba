"""Settings with values of their own for an account.

Revision: 0003.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In SQL both databases take: rebuilding the table is not needed for a column that may be empty.
    op.execute("ALTER TABLE configurations ADD COLUMN account TEXT CONSTRAINT fk_configurations_account REFERENCES accounts (id)")

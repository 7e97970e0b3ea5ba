"""Who may do what, and repeated requests: roles, projects, sessions, key pairs, dedicated ranges, answers that are remembered.

Revision: 0002. New columns of old tables may be empty, and those that reference are added in SQL that SQLite and PostgreSQL both take:
rebuilding a table, as Alembic's batches do, would set off the foreign keys that point at it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _projects()
    _the_rest()
    op.execute("ALTER TABLE accounts ADD COLUMN role TEXT CONSTRAINT fk_accounts_role REFERENCES roles (id)")
    op.execute("ALTER TABLE networks ADD COLUMN domain TEXT CONSTRAINT fk_networks_domain REFERENCES domains (id)")
    op.add_column("hosts", sa.Column("annotation", sa.Text(), nullable=True))
    op.add_column("service_offerings", sa.Column("limits", sa.Text(), nullable=True))
    op.add_column("service_offerings", sa.Column("removed", sa.Double(), nullable=True))
    op.add_column("templates", sa.Column("removed", sa.Double(), nullable=True))
    op.add_column("tags", sa.Column("customer", sa.Text(), nullable=True))
    op.add_column("vms", sa.Column("destroyed", sa.Double(), nullable=True))
    for first in ("zone", "account"):
        op.drop_index(op.f(f"ix_vms_{first}"), "vms")
        op.create_index(op.f(f"ix_vms_{first}_created_id_state"), "vms", [first, "created", "id", "state"], unique=False)
    columns = ["created", "id", "state", "name", "display_name"]
    op.create_index(op.f("ix_vms_created_id_state_name_display_name"), "vms", columns, unique=False)
    op.add_column("networks", sa.Column("idle", sa.Double(), nullable=True))
    op.add_column("vni_allocations", sa.Column("taken", sa.Double(), nullable=True))


def _people() -> None:
    op.create_table(
        "roles",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("name", name=op.f("uq_roles_name")),
    )
    op.create_table(
        "role_permissions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["role"], ["roles.id"], name=op.f("fk_role_permissions_role"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_permissions")),
        sa.UniqueConstraint("role", "rule", name=op.f("uq_role_permissions_role_rule")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("used", sa.Double(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_sessions_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user"), "sessions", ["user"], unique=False)
    op.create_table(
        "ssh_key_pairs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_ssh_key_pairs_account"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ssh_key_pairs")),
        sa.UniqueConstraint("account", "name", name=op.f("uq_ssh_key_pairs_account_name")),
    )


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_text", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_projects_account")),
        sa.ForeignKeyConstraint(["domain"], ["domains.id"], name=op.f("fk_projects_domain")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("account", name=op.f("uq_projects_account")),
        sa.UniqueConstraint("domain", "name", name=op.f("uq_projects_domain_name")),
    )
    op.create_table(
        "project_members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_project_members_account"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name=op.f("fk_project_members_project"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_members")),
        sa.UniqueConstraint("project", "account", name=op.f("uq_project_members_project_account")),
    )
    op.create_index(op.f("ix_project_members_account"), "project_members", ["account"], unique=False)


def _the_rest() -> None:
    op.create_table(
        "dedicated_ranges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("physical_network", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_dedicated_ranges_account"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["physical_network"], ["physical_networks.id"], name=op.f("fk_dedicated_ranges_physical_network"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name=op.f("fk_dedicated_ranges_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dedicated_ranges")),
        sa.UniqueConstraint("physical_network", "start", name=op.f("uq_dedicated_ranges_physical_network_start")),
    )
    op.create_index(op.f("ix_dedicated_ranges_account"), "dedicated_ranges", ["account"], unique=False)
    op.create_index(op.f("ix_dedicated_ranges_zone_start"), "dedicated_ranges", ["zone", "start"], unique=False)
    op.create_table(
        "answered",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answered")),
        sa.UniqueConstraint("user", "key", name=op.f("uq_answered_user_key")),
    )
    op.create_index(op.f("ix_answered_created"), "answered", ["created"], unique=False)

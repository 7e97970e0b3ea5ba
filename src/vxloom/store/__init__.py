"""Intent at rest: schema, migrations, transactions, revisions, the change log, allocators. The only importer of SQLAlchemy and Alembic.

May import: `vxloom.model`, `vxloom.compiler`, `vxloom.errors`, `vxloom.settings`.
Never: agent, dataplane, hypervisor, lab, cli. Intent and its change-log row are written in one transaction, or not at all.
"""

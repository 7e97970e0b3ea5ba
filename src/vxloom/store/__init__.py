"""Intent at rest: schema, migrations, transactions, revisions, the change log, allocators. The only importer of SQLAlchemy and Alembic.

May import: `vxloom.model`, `vxloom.compiler`, `vxloom.errors`, `vxloom.settings`.
Never: agent, dataplane, hypervisor, lab, cli. Intent and its change-log row are written in one transaction, or not at all.
"""

from vxloom.store import records, settings_catalogue
from vxloom.store.archive import backup, beside, renew_epoch, restore
from vxloom.store.bindings import Acknowledgement, Reaped
from vxloom.store.conditions import Contains, Either, Fold, Keyword, NoneOf, Tagged
from vxloom.store.intent_rows import HostIntent
from vxloom.store.reading import ReadTransaction
from vxloom.store.store import Store
from vxloom.store.transaction import Transaction

__all__ = [
    "Acknowledgement",
    "Contains",
    "Either",
    "Fold",
    "HostIntent",
    "Keyword",
    "NoneOf",
    "ReadTransaction",
    "Reaped",
    "Store",
    "Tagged",
    "Transaction",
    "backup",
    "beside",
    "records",
    "renew_epoch",
    "restore",
    "settings_catalogue",
]

"""Domains: a tree of names, and what hangs on it."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.lifecycle import closing
from vxloom.store import Fold, ReadTransaction, Transaction, records


def checked_name(rx: ReadTransaction, name: str, parent: records.Domain, but: str = "") -> str:
    """Return a domain's name; raises 431 for one that would break paths, or is taken below ``parent``, in any case."""
    if "/" in name:
        raise RequestError("Domain name should not contain /")
    taken = rx.one(records.Domain, parent=parent.id, name=Fold(name))
    if taken is not None and taken.id != but:
        raise RequestError(f"Domain with name {name} already exists for the parent {parent.path}", remedy="choose another name")
    return name


def rename(tx: Transaction, domain: records.Domain, name: str) -> None:
    """Give a domain another name: the paths of all below it change, too."""
    above = domain.path.rpartition("/")[0]
    path = f"{above}/{name}"
    for row in below(tx, domain):
        tx.update(records.Domain, row.id, path=path + row.path[len(domain.path) :])
    tx.update(records.Domain, domain.id, name=name, path=path)


def below(rx: ReadTransaction, domain: records.Domain) -> list[records.Domain]:
    """Return the domains below one, the deepest first."""
    found = [row for row in rx.all(records.Domain) if row.path.startswith(f"{domain.path}/")]
    return sorted(found, key=lambda row: -row.level)


def refuse_used(rx: ReadTransaction, domain: records.Domain) -> None:
    """Raise 536 while there is anything in a domain."""
    found = (
        ("domains", len(below(rx, domain))),
        ("accounts", rx.count(records.Account, domain=domain.id)),
        ("projects", rx.count(records.Project, domain=domain.id)),
    )
    if listed := ", ".join(f"{number} {what}" for what, number in found if number):
        raise RequestError(
            f"Domain {domain.path} is not empty: {listed}", code=536, cs_code=4375, remedy="give cleanup=true to delete them, too"
        )


def remove(call: Call, tx: Transaction, job: records.Job, domain: records.Domain) -> None:
    """Remove a domain with all in it and below it; raises 536 while zones or networks of others are for it."""
    doomed = [*below(tx, domain), domain]
    ids = [row.id for row in doomed]
    if call.caller.domain.id in ids:
        raise RequestError("A domain with your own account in it cannot be deleted", code=531, cs_code=4365)
    for project in tx.all(records.Project, domain=ids):
        closing.remove_project(call, tx, job, project)
    for account in tx.all(records.Account, domain=ids):
        closing.remove_account(call, tx, job, account)
    for user in (tx.one(records.Zone, domain=ids), tx.one(records.Network, domain=ids)):
        if user is not None:
            text = f"The {type(user).__name__.lower()} {user.name} is for domain {domain.path} or one below it"
            raise RequestError(text, code=536, cs_code=4375, remedy="delete it first")
    for row in doomed:
        tx.delete(records.Domain, row.id)

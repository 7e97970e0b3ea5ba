"""Who owns what, who may see it, and for whom somebody acts.

Root admins reach everything, domain admins the accounts of their domain and of those below (root admins' accounts excepted: with
their keys they would be root admins themselves), users their own account.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from vxloom.errors import RequestError
from vxloom.server.call import Call, Caller
from vxloom.server.parameters import unknown_id
from vxloom.store import Fold, ReadTransaction, records


class Owned(Protocol):
    """A row that belongs to an account."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def account(self) -> str:
        """The owning account's id."""


Row = TypeVar("Row")
OwnedRow = TypeVar("OwnedRow", bound=Owned)


def fetch(rx: ReadTransaction, kind: type[Row], given: str, parameter: str = "id") -> Row:
    """Return a row by its id; raises :class:`RequestError` 431 naming parameter and value when there is none."""
    row = rx.get(kind, given)
    if row is None:
        raise unknown_id(parameter, given)
    return row


def fetch_owned(call: Call, rx: ReadTransaction, kind: type[OwnedRow], given: str, parameter: str = "id") -> OwnedRow:
    """Return a row the caller may reach; raises 431 (no such row) or 531 (another's)."""
    row = fetch(rx, kind, given, parameter)
    if not reaches(rx, call.caller, row.account):
        raise denied(call.caller, parameter, given)
    return row


def denied(caller: Caller, parameter: str, given: str) -> RequestError:
    """Return the error for another's object (HTTP 531)."""
    text = f"Account {caller.account.name} does not have permission to operate with resource {parameter}={given}"
    return RequestError(text, code=531, cs_code=4365)


def reaches(rx: ReadTransaction, caller: Caller, account: str) -> bool:
    """Tell whether a caller may see and change what belongs to an account."""
    if caller.root or caller.account.id == account:
        return True
    if not caller.domain_admin:
        return False
    owner = rx.get(records.Account, account)
    if owner is None or owner.type is records.AccountType.ROOT_ADMIN:
        return False
    domain = rx.get(records.Domain, owner.domain)
    return domain is not None and _below(domain.path, caller.domain.path)


def owner(call: Call, rx: ReadTransaction) -> records.Account:
    """Return the account a new object is to belong to: ``account``/``domainid`` if given, else the caller's.

    Raises :class:`RequestError` 431 for an unknown account, 531 where the caller may not act for it.
    """
    refuse_project(call)
    name, domain = call.arguments.filled("account"), call.arguments.filled("domainid")
    if name is None:
        if domain is not None and domain != call.caller.domain.id:
            raise RequestError("Account must be specified together with domainid", remedy="give account, too")
        return call.caller.account
    return named_account(call, rx, name, domain or call.caller.domain.id)


def named_account(call: Call, rx: ReadTransaction, name: str, domain: str) -> records.Account:
    """Return an account by name and domain id; raises 431 or 531."""
    found = rx.one(records.Account, name=Fold(name), domain=fetch(rx, records.Domain, domain, "domainid").id)
    if found is None:
        raise RequestError(f"Unable to find account {name} in domain {domain}", remedy="see listAccounts listall=true")
    if not reaches(rx, call.caller, found.id):
        raise denied(call.caller, "account", name)
    return found


def visible(call: Call, rx: ReadTransaction) -> tuple[str, ...] | None:
    """Return the ids of the accounts whose objects a list may show; None: everybody's.

    As the real server: without ``listall``, ``account`` or ``domainid`` everybody sees only what is his own; an ``id`` lets a root
    admin see any one object.
    """
    given = call.arguments
    refuse_project(call)
    name, domain = given.filled("account"), given.filled("domainid")
    if name is not None:
        return (named_account(call, rx, name, domain or call.caller.domain.id).id,)
    if domain is not None:
        return _accounts_of(call, rx, fetch(rx, records.Domain, domain, "domainid"), below=given.flag("isrecursive"))
    everything = given.flag("listall") or given.filled("id") is not None
    if everything and call.caller.root:
        return None
    if everything and call.caller.domain_admin:
        return _accounts_of(call, rx, call.caller.domain, below=True)
    return (call.caller.account.id,)


def domains_of(caller: Caller, rx: ReadTransaction) -> list[records.Domain]:
    """Return the domains a caller may see: its own; a domain admin's also those below; a root admin's all."""
    below = caller.root or caller.domain_admin
    return [d for d in rx.all(records.Domain) if caller.root or d.id == caller.domain.id or (below and _below(d.path, caller.domain.path))]


def refuse_project(call: Call) -> None:
    """Raise 431 for a ``projectid`` other than -1 (all): there are no projects, and ignoring one would act for the wrong owner."""
    if call.arguments.filled("projectid") not in {None, "-1", "None"}:
        raise RequestError("Projects are not supported", remedy="leave projectid out")


def _accounts_of(call: Call, rx: ReadTransaction, domain: records.Domain, *, below: bool) -> tuple[str, ...]:
    if not call.caller.root:
        if not call.caller.domain_admin:
            return (call.caller.account.id,)
        if not _below(domain.path, call.caller.domain.path):
            raise denied(call.caller, "domainid", domain.id)
    domains = [d.id for d in rx.all(records.Domain) if d.id == domain.id or (below and _below(d.path, domain.path))]
    accounts = rx.all(records.Account, domain=domains)
    return tuple(account.id for account in accounts if call.caller.root or account.type is not records.AccountType.ROOT_ADMIN)


def _below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")

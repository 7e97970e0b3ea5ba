"""Who owns what, who may see it, and for whom somebody acts.

Root admins reach everything, domain admins the accounts of their domain and of those below (root admins' accounts excepted: with
their keys they would be root admins themselves), users their own account. What belongs to a project belongs to an account made with it,
which the accounts of its members reach.

Whatever a caller does not reach does not exist for it: the answer is that for an id nobody ever had, so that nobody can ask which
ids exist.
"""

from __future__ import annotations

import uuid
from typing import Protocol, TypeVar

from vxloom.errors import RequestError
from vxloom.server.call import Call, Caller
from vxloom.server.parameters import Arguments, unknown_id
from vxloom.store import Fold, NoneOf, ReadTransaction, records

PROJECT_ACCOUNT = records.AccountType.PROJECT
PEOPLE = tuple(kind for kind in records.AccountType if kind is not PROJECT_ACCOUNT)
"""Types of accounts that people have; the others are made with projects, and show as those."""
_EVERY_PROJECT = "-1"


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
    """Return a row by its id; raises :class:`RequestError` 431 naming parameter and value when there is none.

    For what belongs to nobody. What belongs to an account is fetched with :func:`fetch_owned` and its kin.
    """
    row = rx.get(kind, given)
    if row is None:
        raise unknown_id(parameter, given)
    return row


def fetch_owned(call: Call, rx: ReadTransaction, kind: type[OwnedRow], given: str, parameter: str = "id") -> OwnedRow:
    """Return a row the caller reaches; raises 431 when there is none, or it is another's: nobody learns which."""
    row = rx.get(kind, given)
    if row is None or not reaches(rx, call.caller, row.account):
        raise unknown_id(parameter, given)
    return row


def fetch_nic(call: Call, rx: ReadTransaction, given: str, parameter: str = "nicid") -> records.Nic:
    """Return a NIC of a machine the caller reaches; raises 431 as :func:`fetch_owned`."""
    nic = rx.get(records.Nic, given)
    vm = rx.get(records.Vm, nic.vm) if nic else None
    if nic is None or vm is None or not reaches(rx, call.caller, vm.account):
        raise unknown_id(parameter, given)
    return nic


def fetch_account(call: Call, rx: ReadTransaction, given: str, parameter: str = "id") -> records.Account:
    """Return an account (never a project's) the caller reaches; raises 431 as :func:`fetch_owned`."""
    row = rx.get(records.Account, given)
    if row is None or row.type is PROJECT_ACCOUNT or not reaches(rx, call.caller, row.id):
        raise unknown_id(parameter, given)
    return row


def fetch_domain(call: Call, rx: ReadTransaction, given: str, parameter: str = "domainid") -> records.Domain:
    """Return a domain the caller reaches: its own, a domain admin's also those below; raises 431 as :func:`fetch_owned`."""
    row = rx.get(records.Domain, given)
    if row is None or not reaches_domain(call.caller, row):
        raise unknown_id(parameter, given)
    return row


def fetch_project(call: Call, rx: ReadTransaction, given: str, parameter: str = "projectid") -> records.Project:
    """Return a project whose objects the caller reaches; raises 431 as :func:`fetch_owned`."""
    row = rx.get(records.Project, given)
    if row is None or not reaches(rx, call.caller, row.account):
        raise unknown_id(parameter, given)
    return row


def reaches(rx: ReadTransaction, caller: Caller, account: str) -> bool:
    """Tell whether a caller may see and change what belongs to an account."""
    if caller.root or caller.account.id == account:
        return True
    owner = rx.get(records.Account, account)
    if owner is None or owner.type is records.AccountType.ROOT_ADMIN:
        return False
    if owner.type is PROJECT_ACCOUNT and account in projects_of(caller, rx):
        return True
    domain = rx.get(records.Domain, owner.domain) if caller.domain_admin else None
    return domain is not None and _below(domain.path, caller.domain.path)


def reaches_domain(caller: Caller, domain: records.Domain) -> bool:
    """Tell whether a caller may see a domain."""
    if caller.root or caller.domain.id == domain.id:
        return True
    return caller.domain_admin and _below(domain.path, caller.domain.path)


def domains_of(caller: Caller, rx: ReadTransaction) -> list[records.Domain]:
    """Return the domains a caller may see: its own; a domain admin's also those below; a root admin's all."""
    return [domain for domain in rx.all(records.Domain) if reaches_domain(caller, domain)]


def projects_of(caller: Caller, rx: ReadTransaction) -> tuple[str, ...]:
    """Return the accounts of the projects the caller's account is a member of."""
    projects = [row.project for row in rx.all(records.ProjectMember, account=caller.account.id)]
    return tuple(row.account for row in rx.all(records.Project, id=projects)) if projects else ()


def owner(call: Call, rx: ReadTransaction) -> records.Account:
    """Return the account a new object is to belong to: that of ``projectid``, or of ``account``/``domainid``, else the caller's.

    Raises :class:`RequestError` 431 for what does not exist for the caller, 531 for an account or project that gets nothing new.
    """
    name, domain, project = call.arguments.filled("account"), call.arguments.filled("domainid"), project_of(call.arguments)
    if project is not None:
        if name is not None:
            raise RequestError("ProjectId and account/domainId can't be specified together", remedy="give one or the other")
        return _owning_project(call, rx, project)
    if name is not None:
        found = named_account(call, rx, name, domain)
    elif domain not in {None, call.caller.domain.id}:
        raise RequestError("Account must be specified together with domainid", remedy="give account, too")
    else:
        found = call.caller.account
    if found.state.lower() != "enabled":
        raise _inactive(f"account {found.name}", found.state)
    return found


def named_account(call: Call, rx: ReadTransaction, name: str, domain: str | None) -> records.Account:
    """Return an account by name and domain id (None: the caller's own domain); raises 431 when there is none the caller reaches."""
    where = call.caller.domain if domain is None else fetch_domain(call, rx, domain)
    found = rx.one(records.Account, name=Fold(name), domain=where.id)
    if found is None or found.type is PROJECT_ACCOUNT or not reaches(rx, call.caller, found.id):
        raise RequestError(f"Unable to find account {name} in domain {where.id}", remedy="see listAccounts listall=true")
    return found


def visible(call: Call, rx: ReadTransaction, *, pinned: tuple[str, ...] = ("id",)) -> tuple[str, ...] | NoneOf | None:
    """Return the condition on ``account`` of what a list may show; None: everybody's.

    As the real server: without ``listall``, ``account`` or ``domainid`` everybody sees only what is his own, and what belongs to
    projects shows only with ``projectid`` (-1: of all of the caller's projects). A parameter that
    names one object (``pinned``) shows whatever the caller reaches.
    """
    given = call.arguments
    name, domain, project = (given.filled(parameter) for parameter in ("account", "domainid", "projectid"))
    if project == _EVERY_PROJECT:
        return _of_every_project(call, rx)
    if project is not None:
        return (fetch_project(call, rx, _id(project)).account,)
    if name is not None:
        return (named_account(call, rx, name, domain).id,)
    if domain is not None:
        return _of_domain(call, rx, fetch_domain(call, rx, domain), below=given.flag("isrecursive"))
    if any(given.filled(parameter) for parameter in pinned):
        return None if call.caller.root else (*_of_listall(call, rx), *_of_projects(call, rx))
    if not given.flag("listall"):
        return (call.caller.account.id,)
    if call.caller.root:
        hidden = tuple(row.account for row in rx.all(records.Project))
        return NoneOf(hidden) if hidden else None
    return _of_listall(call, rx)


def project_of(given: Arguments) -> str | None:
    """Return the one project a request names; None: none, or -1."""
    wanted = given.filled("projectid")
    return None if wanted in {None, _EVERY_PROJECT} else wanted


def visible_projects(call: Call, rx: ReadTransaction) -> tuple[str, ...] | None:
    """Return the condition on ``account`` of the projects a list may show; None: all."""
    given = call.arguments
    name, domain = given.filled("account"), given.filled("domainid")
    if name is not None:
        member = named_account(call, rx, name, domain)
        projects = [row.project for row in rx.all(records.ProjectMember, account=member.id)]
        return tuple(row.account for row in rx.all(records.Project, id=projects))
    if domain is not None:
        top = fetch_domain(call, rx, domain)
        domains = [
            row.id for row in rx.all(records.Domain) if row.id == top.id or (given.flag("isrecursive") and _below(row.path, top.path))
        ]
        reached = None if call.caller.root else set(_of_projects(call, rx))
        return tuple(row.account for row in rx.all(records.Project, domain=domains) if reached is None or row.account in reached)
    if given.flag("listall") or given.filled("id"):
        return None if call.caller.root else _of_projects(call, rx)
    return projects_of(call.caller, rx)


def _owning_project(call: Call, rx: ReadTransaction, given: str) -> records.Account:
    project = fetch_project(call, rx, _id(given))
    if project.state != "Active":
        raise _inactive(f"project {project.name}", project.state)
    return fetch(rx, records.Account, project.account)


def _inactive(what: str, state: str) -> RequestError:
    return RequestError(f"Can't add resources to the {what} in state={state} as it's no longer active", code=531, cs_code=4365)


def _id(project: str) -> str:
    """Return the id as the store has it; raises 431 for what is none (-1 is why the parameter is a string)."""
    try:
        return str(uuid.UUID(project))
    except ValueError:
        raise unknown_id("projectid", project) from None


def _of_every_project(call: Call, rx: ReadTransaction) -> tuple[str, ...] | None:
    if call.caller.root:
        return None if call.arguments.flag("listall") else tuple(row.account for row in rx.all(records.Project))
    return _of_projects(call, rx)


def _of_projects(call: Call, rx: ReadTransaction) -> tuple[str, ...]:
    """Return the accounts of the projects below root a caller reaches."""
    own = projects_of(call.caller, rx)
    if not call.caller.domain_admin:
        return own
    domains = [domain.id for domain in domains_of(call.caller, rx)]
    return tuple({*own, *(row.account for row in rx.all(records.Project, domain=domains))})


def _of_listall(call: Call, rx: ReadTransaction) -> tuple[str, ...]:
    if call.caller.domain_admin:
        return _of_domain(call, rx, call.caller.domain, below=True)
    return (call.caller.account.id,)


def _of_domain(call: Call, rx: ReadTransaction, domain: records.Domain, *, below: bool) -> tuple[str, ...]:
    """Return the accounts of a domain the caller reaches."""
    if not call.caller.root and not call.caller.domain_admin:
        return (call.caller.account.id,)
    domains = [row.id for row in rx.all(records.Domain) if row.id == domain.id or (below and _below(row.path, domain.path))]
    accounts = rx.all(records.Account, domain=domains, type=list(PEOPLE))
    return tuple(account.id for account in accounts if call.caller.root or account.type is not records.AccountType.ROOT_ADMIN)


def _below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")

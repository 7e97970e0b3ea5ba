"""Projects: accounts that share what belongs to an account made with the project."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.store import Fold, ReadTransaction, Transaction, records

ROLES = {role.value.lower(): role for role in records.ProjectRole}


def create(tx: Transaction, name: str, text: str, admin: records.Account) -> records.Project:
    """Write a project, the account that owns its things, and its first admin; raises 431 for a name that is taken in the domain."""
    refuse_name(tx, name, admin.domain)
    project = records.new_id()
    account = records.Account(name=f"PrjAcct-{name}-{project[:8]}", domain=admin.domain, type=records.AccountType.PROJECT)
    tx.add(account)
    row = tx.add(records.Project(id=project, name=name, display_text=text, domain=admin.domain, account=account.id))
    tx.add(records.ProjectMember(project=row.id, account=admin.id, role=records.ProjectRole.ADMIN))
    return row


def refuse_name(rx: ReadTransaction, name: str, domain: str, but: str = "") -> None:
    """Raise 431 when a domain has a project of a name, in any case."""
    taken = rx.one(records.Project, domain=domain, name=Fold(name))
    if taken is not None and taken.id != but:
        raise RequestError(f"Project with name {name} already exists in the domain", remedy="choose another name")


def managed(call: Call, rx: ReadTransaction, given: str, parameter: str = "id") -> records.Project:
    """Return a project the caller may change: its admins, domain admins, root admins; raises 431, or 531 for other members."""
    project = owners.fetch_project(call, rx, given, parameter)
    caller = call.caller
    if caller.root or (caller.domain_admin and owners.reaches_domain(caller, owners.fetch(rx, records.Domain, project.domain))):
        return project
    if rx.one(records.ProjectMember, project=project.id, account=caller.account.id, role=records.ProjectRole.ADMIN) is None:
        raise RequestError(f"Only admins of project {project.name} may change it", code=531, cs_code=4365)
    return project


def account_named(rx: ReadTransaction, project: records.Project, name: str) -> records.Account:
    """Return an account of a project's domain by its name; raises 431."""
    found = rx.one(records.Account, domain=project.domain, name=Fold(name))
    if found is None or found.type is records.AccountType.PROJECT:
        raise RequestError(f"Unable to find account {name} in the domain of project {project.name}")
    return found


def member_named(rx: ReadTransaction, project: records.Project, name: str) -> tuple[records.Account, records.ProjectMember]:
    """Return a member by its account's name; raises 431, whether there is no such account or it is no member."""
    account = rx.one(records.Account, domain=project.domain, name=Fold(name))
    member = rx.one(records.ProjectMember, project=project.id, account=account.id) if account else None
    if account is None or member is None:
        raise RequestError(f"Account {name} is not a member of project {project.name}", remedy="see listProjectAccounts")
    return account, member


def role_of(text: str | None) -> records.ProjectRole:
    """Return a member's role by its name, default Regular; raises 431."""
    try:
        return ROLES[(text or "Regular").strip().lower()]
    except KeyError:
        raise RequestError(f"Invalid role type {(text or '')[:80]}", remedy="give Admin or Regular") from None


def refuse_adminless(rx: ReadTransaction, project: records.Project) -> None:
    """Raise 431 when a project has no admin left; called after the change."""
    if not rx.count(records.ProjectMember, project=project.id, role=records.ProjectRole.ADMIN):
        raise RequestError(f"Project {project.name} would have no admin", remedy="give it another first: updateProject account=…")


def refuse_used(rx: ReadTransaction, project: records.Project) -> None:
    """Raise 536 while a project owns machines or networks."""
    machines, networks = rx.count(records.Vm, account=project.account), rx.count(records.Network, account=project.account)
    if machines or networks:
        text = f"Project {project.name} owns {machines} instances and {networks} networks"
        raise RequestError(text, code=536, cs_code=4375, remedy="give cleanup=true to delete them, too")


def appoint(tx: Transaction, project: records.Project, account: records.Account, role: records.ProjectRole, *, swap: bool) -> None:
    """Give an account a role in a project; ``swap``: the admins it had become regular members. Raises 431 when no admin is left."""
    if swap:
        for row in tx.all(records.ProjectMember, project=project.id, role=records.ProjectRole.ADMIN):
            tx.update(records.ProjectMember, row.id, role=records.ProjectRole.REGULAR)
    known = tx.one(records.ProjectMember, project=project.id, account=account.id)
    if known is None:
        tx.add(records.ProjectMember(project=project.id, account=account.id, role=role))
    else:
        tx.update(records.ProjectMember, known.id, role=role)
    refuse_adminless(tx, project)

"""Roles that are given: nobody gives, or takes over, more than it may do itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call, Caller
from vxloom.server.command import registry
from vxloom.server.parameters import unknown_id
from vxloom.server.roles import ALLOW, DENY, WORDING, Rule, rules_of
from vxloom.store import Fold, ReadTransaction, records

TYPES = {"admin": records.AccountType.ROOT_ADMIN, "domainadmin": records.AccountType.DOMAIN_ADMIN, "user": records.AccountType.USER}
"""CloudStack's names of role types, in lower case."""


def usable(caller: Caller) -> frozenset[str]:
    """Return the names of the commands a caller may use."""
    return frozenset(name for name, command in registry().items() if command.allows(caller))


def refuse_stronger(call: Call, rx: ReadTransaction, account: records.Account) -> None:
    """Raise 531 unless the caller may do all that an account may: with its keys it would be it."""
    if account.id != call.caller.account.id:
        refuse_beyond(call, account.type, rules_of(rx, account.role), f"account {account.name}")


def refuse_beyond(call: Call, kind: records.AccountType, rules: tuple[Rule, ...] | None, what: str) -> None:
    """Raise 531 unless the caller may do all that an account of this type with these rules may."""
    caller = call.caller
    if caller.root and caller.rules is None:
        return
    other = Caller(caller.user, replace(caller.account, type=kind), caller.domain, rules)
    if (other.root and not caller.root) or not usable(other) <= usable(caller):
        raise RequestError(f"The {what} may do more than you may", code=531, cs_code=4365)


def of_account(call: Call, rx: ReadTransaction) -> tuple[records.AccountType, str | None]:
    """Return type and role of ``roleid`` or ``accounttype`` (default: a user); raises 431 for an unknown one, 531 beyond the caller's."""
    given = call.arguments
    if wanted := given.filled("roleid"):
        role = fetch_role(call, rx, wanted, "roleid")
        refuse_beyond(call, role.type, rules_of(rx, role.id), f"role {role.name}")
        return role.type, None if role.is_default else role.id
    number = given.number("accounttype") or 0
    if number not in {int(kind) for kind in owners.PEOPLE}:
        raise RequestError(f"Invalid accounttype {number}", remedy="give 0 (user), 1 (root admin) or 2 (domain admin), or roleid")
    kind = records.AccountType(number)
    refuse_beyond(call, kind, None, f"accounttype {number}")
    return kind, None


def fetch_role(call: Call, rx: ReadTransaction, given: str, parameter: str = "id") -> records.Role:
    """Return a role; those that are not public, and root admins', are for root admins."""
    role = owners.fetch(rx, records.Role, given, parameter)
    if not call.caller.root and (not role.is_public or role.type is records.AccountType.ROOT_ADMIN):
        raise unknown_id(parameter, given)
    return role


def changeable(call: Call, rx: ReadTransaction, given: str, parameter: str = "id") -> records.Role:
    """Return a role that may be changed; raises 431 for an unknown one and for the default ones, 531 beyond the caller's own."""
    role = owners.fetch(rx, records.Role, given, parameter)
    if role.is_default:
        raise RequestError(f"The role {role.name} is a default one and cannot be changed", remedy="make your own: createRole roleid=…")
    refuse_beyond(call, role.type, rules_of(rx, role.id), f"role {role.name}")
    return role


def type_of(text: str) -> records.AccountType:
    """Return a role type by CloudStack's name; raises 431."""
    try:
        return TYPES[text.strip().lower()]
    except KeyError:
        raise RequestError(f"Invalid role type {text[:80]}", remedy="give Admin, DomainAdmin or User") from None


def refuse_name(rx: ReadTransaction, name: str, but: str = "") -> None:
    """Raise 431 when another role has a name, in any case."""
    taken = rx.one(records.Role, name=Fold(name))
    if taken is not None and taken.id != but:
        raise RequestError(f"A role named {name} already exists", remedy="choose another name")


def permission_of(
    call: Call, role: records.Role, rule: str, permission: str, position: int, description: str | None
) -> records.RolePermission:
    """Return a rule as a row; raises 431 for what is none, 531 where it would allow what the caller may not do."""
    rule, permission = rule.strip(), permission.strip().lower()
    if not WORDING.match(rule):
        raise RequestError(f"Invalid rule {rule[:80]}", remedy="give a command's name; * stands for any characters")
    if permission not in {ALLOW, DENY}:
        raise RequestError(f"Invalid permission {permission[:80]}", remedy="give allow or deny")
    if permission == ALLOW:
        refuse_beyond(call, role.type, ((rule, True),), f"rule {rule}")
    return records.RolePermission(role=role.id, position=position, rule=rule, permission=permission, description=description)


def refuse_duplicates(rows: Sequence[records.RolePermission]) -> None:
    """Raise 431 when a rule stands twice: its second place could never decide."""
    if len({row.rule.lower() for row in rows}) != len(rows):
        raise RequestError("The role has a rule of that wording already", remedy="change it with updateRolePermission")


def copied(rx: ReadTransaction, model: records.Role, role: records.Role) -> list[records.RolePermission]:
    """Return a role's rules for another one; a default role has none, and allows all of its type."""
    if model.is_default:
        return [records.RolePermission(role=role.id, position=0, rule="*", permission=ALLOW)]
    rows = rx.all(records.RolePermission, order="position", role=model.id)
    return [
        records.RolePermission(role=role.id, position=row.position, rule=row.rule, permission=row.permission, description=row.description)
        for row in rows
    ]


def refuse_other_type(rx: ReadTransaction, role: records.Role, kind: records.AccountType) -> None:
    """Raise 431 for a change of the type while accounts have the role: theirs would no longer fit."""
    if kind is not role.type and rx.count(records.Account, role=role.id):
        raise RequestError(f"The type of role {role.name} stays: accounts have it", remedy="give them another role first")

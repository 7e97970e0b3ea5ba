"""What a role's rules say of a command. Rules: RoleEntity and Rule.java; the first that fits decides, and without one it is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from vxloom.store import ReadTransaction, records

Rule: TypeAlias = "tuple[str, bool]"
"""A command's name, ``*`` for any characters, and whether it is allowed."""
ALLOW, DENY = "allow", "deny"
WORDING = re.compile(r"^[A-Za-z0-9*]{1,128}$")


def fits(rule: str, command: str) -> bool:
    """Tell whether a rule speaks of a command; case does not count."""
    return re.fullmatch(rule.replace("*", ".*"), command, re.IGNORECASE) is not None


def permits(rules: Sequence[Rule], command: str) -> bool:
    """Tell whether rules allow a command."""
    return next((allowed for rule, allowed in rules if fits(rule, command)), False)


def rules_of(rx: ReadTransaction, role_id: str | None) -> tuple[Rule, ...] | None:
    """Return a role's rules in their order; None for a default role."""
    role = rx.get(records.Role, role_id) if role_id else None
    if role is None or role.is_default:
        return None
    rows = rx.all(records.RolePermission, order="position", role=role.id)
    return tuple((row.rule, row.permission == ALLOW) for row in rows)

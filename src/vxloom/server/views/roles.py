"""Roles and their rules."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.people import ROLE_TYPES
from vxloom.server.views.values import by_id
from vxloom.store import ReadTransaction, records

ROLE = fields("""
id string the role's id
name string its name
type string Admin, DomainAdmin or User: what its rules can allow at most
description string what it is for
isdefault boolean whether it came with the system; such roles have no rules
ispublic boolean whether domain admins see it
state string enabled
""")

PERMISSION = fields("""
id string the rule's id
roleid string its role's id
rolename string its role's name
rule string a command's name; * stands for any characters
permission string allow or deny
description string why
""")


def role_views(roles: Sequence[records.Role]) -> list[Fields]:
    """Return roles."""
    return [
        {
            "id": role.id,
            "name": role.name,
            "type": ROLE_TYPES[role.type],
            "description": role.description,
            "isdefault": role.is_default,
            "ispublic": role.is_public,
            "state": role.state,
        }
        for role in roles
    ]


def permission_views(rx: ReadTransaction, rows: Sequence[records.RolePermission]) -> list[Fields]:
    """Return rules."""
    roles = by_id(rx, records.Role, (row.role for row in rows))
    return [
        {
            "id": row.id,
            "roleid": row.role,
            "rolename": roles[row.role].name,
            "rule": row.rule,
            "permission": row.permission,
            "description": row.description,
        }
        for row in rows
    ]

"""listRolePermissions."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.listing import keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.roles import PERMISSION, permission_views
from vxloom.store import records


class ListRolePermissions(Command):
    """Lists the rules of a role in their order. A default role has none."""

    name = "listRolePermissions"
    parameters = (
        Parameter("roleid", Kind.UUID, "the role; default: all", related="listRoles"),
        *LISTING,
    )
    answer = PERMISSION
    example = "listRolePermissions roleid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of rules."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("roleid"):
                roles.fetch_role(call, rx, wanted, "roleid")
            where = same(given, roleid="role") | keyword(given, "rule")
            return listed(
                rx, given, records.RolePermission, "rolepermission", lambda rows: permission_views(rx, rows), where, order="position"
            )

"""createRolePermission."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.roles import PERMISSION, permission_views
from vxloom.store import records


class CreateRolePermission(Command):
    """Adds a rule to a role, after those it has. The first rule that fits a command decides; without one it is refused."""

    name = "createRolePermission"
    parameters = (
        Parameter("roleid", Kind.UUID, "the role", required=True, related="listRoles"),
        Parameter("rule", Kind.STRING, "a command's name; * stands for any characters", required=True),
        Parameter("permission", Kind.STRING, "allow or deny", required=True),
        Parameter("description", Kind.STRING, "why", length=1024),
    )
    answer = PERMISSION
    example = "createRolePermission roleid=ID rule=list* permission=allow"

    def run(self, call: Call) -> Fields:
        """Return the rule."""
        given = call.arguments
        with call.write() as tx:
            role = roles.changeable(call, tx, given.need("roleid"), "roleid")
            known = tx.all(records.RolePermission, order="position", role=role.id)
            place = known[-1].position + 1 if known else 0
            row = roles.permission_of(call, role, given.need("rule"), given.need("permission"), place, given.filled("description"))
            roles.refuse_duplicates([*known, row])
            tx.add(row)
            call.event(tx, "ROLE.PERMISSION.CREATE", f"Role {role.name}: {row.permission} {row.rule}", "Role", role.id)
            return one("rolepermission", permission_views(tx, [row])[0])

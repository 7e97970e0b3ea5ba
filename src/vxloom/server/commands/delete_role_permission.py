"""deleteRolePermission."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.server.roles import DENY
from vxloom.store import records


class DeleteRolePermission(Command):
    """Removes a rule from its role."""

    name = "deleteRolePermission"
    parameters = (Parameter("id", Kind.UUID, "the rule", required=True, related="listRolePermissions"),)
    example = "deleteRolePermission id=ID"

    def run(self, call: Call) -> Fields:
        """Return success."""
        with call.write() as tx:
            row = owners.fetch(tx, records.RolePermission, call.arguments.need("id"))
            role = roles.changeable(call, tx, row.role)
            if row.permission == DENY:
                roles.refuse_beyond(call, role.type, ((row.rule, True),), f"rule {row.rule}")
            tx.delete(records.RolePermission, row.id)
            call.event(tx, "ROLE.PERMISSION.DELETE", f"Role {role.name}: no longer {row.permission} {row.rule}", "Role", role.id)
        return success()

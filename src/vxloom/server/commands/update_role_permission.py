"""updateRolePermission."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.parameters import Kind, Parameter, unknown_id
from vxloom.server.responses import Fields, success
from vxloom.store import records


class UpdateRolePermission(Command):
    """Changes what a rule says (``ruleid``, ``permission``), or the order of all rules (``ruleorder``)."""

    name = "updateRolePermission"
    parameters = (
        Parameter("roleid", Kind.UUID, "the role", required=True, related="listRoles"),
        Parameter("ruleorder", Kind.LIST, "the ids of all its rules in their new order", related="listRolePermissions"),
        Parameter("ruleid", Kind.UUID, "the rule", related="listRolePermissions"),
        Parameter("permission", Kind.STRING, "allow or deny"),
    )
    example = "updateRolePermission roleid=ID ruleid=ID permission=deny"

    def run(self, call: Call) -> Fields:
        """Return success."""
        given = call.arguments
        with call.write() as tx:
            role = roles.changeable(call, tx, given.need("roleid"), "roleid")
            rows = {row.id: row for row in tx.all(records.RolePermission, order="position", role=role.id)}
            order, rule, permission = given.items("ruleorder"), given.filled("ruleid"), given.filled("permission")
            if order and not (rule or permission):
                if sorted(order) != sorted(rows):
                    raise RequestError("ruleorder must name every rule of the role once", remedy="see listRolePermissions")
                for position, row_id in enumerate(order):
                    tx.update(records.RolePermission, row_id, position=position)
            elif rule and permission and not order:
                if rule not in rows:
                    raise unknown_id("ruleid", rule)
                row = roles.permission_of(call, role, rows[rule].rule, permission, rows[rule].position, rows[rule].description)
                tx.update(records.RolePermission, rule, permission=row.permission)
            else:
                raise RequestError("Give ruleid and permission, or ruleorder")
            call.event(tx, "ROLE.PERMISSION.UPDATE", f"Changed rules of role {role.name}", "Role", role.id)
        return success()

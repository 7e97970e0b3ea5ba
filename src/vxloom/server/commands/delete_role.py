"""deleteRole."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteRole(Command):
    """Removes a role nobody has."""

    name = "deleteRole"
    parameters = (Parameter("id", Kind.UUID, "the role", required=True, related="listRoles"),)
    example = "deleteRole id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 536 while accounts have it."""
        with call.write() as tx:
            role = roles.changeable(call, tx, call.arguments.need("id"))
            if users := tx.count(records.Account, role=role.id):
                text = f"Found {users} accounts with role {role.name}"
                raise RequestError(text, code=536, cs_code=4375, remedy="give them another role first: updateAccount roleid=…")
            tx.delete(records.Role, role.id)
            call.event(tx, "ROLE.DELETE", f"Deleted role {role.name}", "Role", role.id)
        return success()

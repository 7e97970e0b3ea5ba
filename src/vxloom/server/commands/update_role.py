"""updateRole."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.roles import rules_of
from vxloom.server.views.roles import ROLE, role_views
from vxloom.store import records


class UpdateRole(Command):
    """Changes a role: its name, type, description, whether domain admins see it."""

    name = "updateRole"
    parameters = (
        Parameter("id", Kind.UUID, "the role", required=True, related="listRoles"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("type", Kind.STRING, "Admin, DomainAdmin or User; while no account has it"),
        Parameter("description", Kind.STRING, "what it is for", length=1024),
        Parameter("ispublic", Kind.BOOLEAN, "whether domain admins see it"),
    )
    answer = ROLE
    example = "updateRole id=ID name=readers"

    def run(self, call: Call) -> Fields:
        """Return the role."""
        given = call.arguments
        with call.write() as tx:
            role = roles.changeable(call, tx, given.need("id"))
            changes: dict[str, object] = {}
            if name := given.filled("name"):
                roles.refuse_name(tx, name, but=role.id)
                changes["name"] = name
            if text := given.filled("type"):
                changes["type"] = kind = roles.type_of(text)
                roles.refuse_other_type(tx, role, kind)
                roles.refuse_beyond(call, kind, rules_of(tx, role.id), f"role {role.name}")
            if "description" in given:
                changes["description"] = given.filled("description")
            if (public := given.choice("ispublic")) is not None:
                changes["is_public"] = public
            role = tx.update(records.Role, role.id, **changes)
            call.event(tx, "ROLE.UPDATE", f"Changed role {role.name}", "Role", role.id)
            return one("role", role_views([role])[0])

"""createRole."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.roles import rules_of
from vxloom.server.views.roles import ROLE, role_views
from vxloom.store import records


class CreateRole(Command):
    """Makes a role: of a type, or with the rules of another role. What it may do is said with createRolePermission.

    The type bounds what its rules may allow. A role made from a default one begins with the rule that allows all its type may do.
    """

    name = "createRole"
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("type", Kind.STRING, "Admin, DomainAdmin or User; or give roleid"),
        Parameter("roleid", Kind.UUID, "a role whose type and rules it begins with", related="listRoles"),
        Parameter("description", Kind.STRING, "what it is for", length=1024),
        Parameter("ispublic", Kind.BOOLEAN, "whether domain admins see it; default true"),
    )
    answer = ROLE
    example = "createRole name=operators type=User"

    def run(self, call: Call) -> Fields:
        """Return the role."""
        given = call.arguments
        with call.write() as tx:
            name = given.need("name").strip()
            roles.refuse_name(tx, name)
            model = roles.fetch_role(call, tx, wanted, "roleid") if (wanted := given.filled("roleid")) else None
            if (model is None) == (given.filled("type") is None):
                raise RequestError("Give type, or roleid, and not both")
            kind = model.type if model else roles.type_of(given.need("type"))
            roles.refuse_beyond(call, kind, rules_of(tx, model.id) if model else (), f"role {name}")
            role = records.Role(
                name=name, type=kind, description=given.filled("description"), is_public=given.flag("ispublic", default=True)
            )
            tx.add(role)
            if model:
                tx.add_all(roles.copied(tx, model, role))
            call.event(tx, "ROLE.CREATE", f"Created role {name}", "Role", role.id)
            return one("role", role_views([role])[0])

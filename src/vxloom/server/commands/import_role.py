"""importRole."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.roles import ROLE, role_views
from vxloom.store import Fold, records


class ImportRole(Command):
    """Makes a role with all its rules at once; with ``forced`` in place of the one of that name."""

    name = "importRole"
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("type", Kind.STRING, "Admin, DomainAdmin or User", required=True),
        Parameter("rules", Kind.MAP, "rules[0].rule=listZones&rules[0].permission=allow, also .description; in their order", required=True),
        Parameter("description", Kind.STRING, "what it is for", length=1024),
        Parameter("ispublic", Kind.BOOLEAN, "whether domain admins see it; default true"),
        Parameter("forced", Kind.BOOLEAN, "whether a role of that name is replaced"),
    )
    answer = ROLE
    example = "importRole name=readers type=User rules[0].rule=list* rules[0].permission=allow"

    def run(self, call: Call) -> Fields:
        """Return the role."""
        given = call.arguments
        name, kind = given.need("name").strip(), roles.type_of(given.need("type"))
        values = {"type": kind, "description": given.filled("description"), "is_public": given.flag("ispublic", default=True)}
        with call.write() as tx:
            known = tx.one(records.Role, name=Fold(name))
            if known is None or not given.flag("forced"):
                roles.refuse_name(tx, name)
                role = records.Role(name=name, type=kind)
                tx.add(role)
            else:
                role = roles.changeable(call, tx, known.id)
                roles.refuse_other_type(tx, role, kind)
                tx.delete_where(records.RolePermission, role=role.id)
            role = tx.update(records.Role, role.id, **values)
            entries = [{key.lower(): value for key, value in row.items()} for row in given.rows("rules")]
            rows = [
                roles.permission_of(call, role, row.get("rule", ""), row.get("permission", ""), position, row.get("description"))
                for position, row in enumerate(entries)
            ]
            roles.refuse_duplicates(rows)
            tx.add_all(rows)
            call.event(tx, "ROLE.IMPORT", f"Imported role {name}", "Role", role.id)
            return one("role", role_views([role])[0])

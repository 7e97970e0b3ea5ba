"""listRoles."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import roles
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.roles import ROLE, role_views
from vxloom.store import records


class ListRoles(Command):
    """Lists roles; domain admins see the public ones that are not root admins'."""

    name = "listRoles"
    for_domain_admins = True
    parameters = (
        Parameter("id", Kind.UUID, "only this role", related="listRoles"),
        Parameter("name", Kind.STRING, "only the role of this name"),
        Parameter("type", Kind.STRING, "Admin, DomainAdmin or User"),
        *LISTING,
    )
    answer = ROLE
    example = "listRoles"

    def run(self, call: Call) -> Fields:
        """Return a page of roles."""
        given = call.arguments
        with call.read() as rx:
            where = same(given, id="id") | alike(given, name="name") | keyword(given, "name", "description")
            if wanted := given.filled("id"):
                roles.fetch_role(call, rx, wanted)
            kinds = [kind for kind in roles.TYPES.values() if call.caller.root or kind is not records.AccountType.ROOT_ADMIN]
            if text := given.filled("type"):
                kinds = [kind for kind in kinds if kind is roles.TYPES.get(text.lower())]
            where["type"] = kinds
            if not call.caller.root:
                where["is_public"] = True
            return listed(rx, given, records.Role, "role", role_views, where)

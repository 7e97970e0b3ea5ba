"""listDomains."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.people import DOMAIN, domain_views
from vxloom.store import records


class ListDomains(Command):
    """Lists domains: root admins see all, others their own."""

    name = "listDomains"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this domain", related="listDomains"),
        Parameter("name", Kind.STRING, "only domains of this name"),
        Parameter("level", Kind.INTEGER, "only domains this deep; ROOT is 0"),
        *LISTING,
    )
    answer = DOMAIN
    example = "listDomains"

    def run(self, call: Call) -> Fields:
        """Return a page of domains."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("id"):
                owners.fetch_domain(call, rx, wanted, "id")
            where = same(given, id="id") | alike(given, name="name") | keyword(given, "name", "path")
            if (level := given.number("level")) is not None:
                where["level"] = level
            if not call.caller.root:
                where["id"] = [domain.id for domain in owners.domains_of(call.caller, rx) if where.get("id") in {None, domain.id}]
            return listed(rx, given, records.Domain, "domain", lambda rows: domain_views(rx, rows), where)

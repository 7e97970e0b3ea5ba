"""listDomainChildren."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import domains
from vxloom.server.listing import alike, keyword, listed
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.people import DOMAIN, domain_views
from vxloom.store import records


class ListDomainChildren(Command):
    """Lists the domains below one: the next level, or with ``isrecursive`` all."""

    name = "listDomainChildren"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the domain above; default: the caller's", related="listDomains"),
        Parameter("name", Kind.STRING, "only domains of this name"),
        Parameter("isrecursive", Kind.BOOLEAN, "all levels, not only the next"),
        *LISTING,
    )
    answer = DOMAIN
    example = "listDomainChildren isrecursive=true"

    def run(self, call: Call) -> Fields:
        """Return a page of domains."""
        given = call.arguments
        with call.read() as rx:
            wanted = given.filled("id")
            top = owners.fetch_domain(call, rx, wanted, "id") if wanted else call.caller.domain
            seen = {domain.id for domain in owners.domains_of(call.caller, rx)}
            found = [row.id for row in domains.below(rx, top) if row.id in seen and (given.flag("isrecursive") or row.parent == top.id)]
            where = alike(given, name="name") | keyword(given, "name", "path") | {"id": found}
            return listed(rx, given, records.Domain, "domain", lambda rows: domain_views(rx, rows), where)

"""createDomain."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import domains, people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import DOMAIN, domain_views
from vxloom.store import records


class CreateDomain(Command):
    """Makes a domain below another one."""

    name = "createDomain"
    for_domain_admins = True
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("parentdomainid", Kind.UUID, "the domain above; default: the caller's", related="listDomains"),
        Parameter("networkdomain", Kind.STRING, "network domain of its guests"),
        Parameter("domainid", Kind.STRING, "its id, where a root admin chooses one"),
    )
    answer = DOMAIN
    example = "createDomain name=department"

    def run(self, call: Call) -> Fields:
        """Return the domain."""
        given = call.arguments
        with call.write() as tx:
            wanted = given.filled("parentdomainid")
            parent = owners.fetch_domain(call, tx, wanted, "parentdomainid") if wanted else call.caller.domain
            name = domains.checked_name(tx, given.need("name").strip(), parent)
            domain = records.Domain(
                id=people.chosen_id(call, tx, "domainid", records.Domain),
                name=name,
                parent=parent.id,
                path=f"{parent.path}/{name}",
                level=parent.level + 1,
                network_domain=given.filled("networkdomain"),
            )
            tx.add(domain)
            call.event(tx, "DOMAIN.CREATE", f"Created domain {domain.path}", "Domain", domain.id)
            return one("domain", domain_views(tx, [domain])[0])

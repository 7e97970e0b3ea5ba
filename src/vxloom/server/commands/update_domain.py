"""updateDomain."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import domains
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import DOMAIN, domain_views
from vxloom.store import records


class UpdateDomain(Command):
    """Changes a domain: its name (the paths of those below change with it), its network domain."""

    name = "updateDomain"
    for_domain_admins = True
    parameters = (
        Parameter("id", Kind.UUID, "the domain", required=True, related="listDomains"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("networkdomain", Kind.STRING, "network domain of its guests"),
    )
    answer = DOMAIN
    example = "updateDomain id=ID name=division"

    def run(self, call: Call) -> Fields:
        """Return the domain."""
        given = call.arguments
        with call.write() as tx:
            domain = owners.fetch_domain(call, tx, given.need("id"), "id")
            if (name := given.filled("name")) and name != domain.name:
                if domain.parent is None:
                    raise RequestError("The ROOT domain keeps its name")
                if domain.id == call.caller.domain.id:
                    raise RequestError("A domain is renamed from above", code=531, cs_code=4365)
                parent = owners.fetch(tx, records.Domain, domain.parent)
                domains.rename(tx, domain, domains.checked_name(tx, name, parent, but=domain.id))
            if "networkdomain" in given:
                tx.update(records.Domain, domain.id, network_domain=given.filled("networkdomain"))
            domain = owners.fetch(tx, records.Domain, domain.id)
            call.event(tx, "DOMAIN.UPDATE", f"Changed domain {domain.path}", "Domain", domain.id)
            return one("domain", domain_views(tx, [domain])[0])

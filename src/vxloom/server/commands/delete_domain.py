"""deleteDomain."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import closing, domains
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.waiting import Step


class DeleteDomain(Command):
    """Removes a domain; with ``cleanup=true`` also all in it and below it: accounts with what they own, projects, domains."""

    name = "deleteDomain"
    asynchronous = True
    for_domain_admins = True
    parameters = (
        Parameter("id", Kind.UUID, "the domain", required=True, related="listDomains"),
        Parameter("cleanup", Kind.BOOLEAN, "whether all that is in it is deleted, too"),
    )
    example = "deleteDomain id=ID cleanup=true"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 for a domain that is not empty, or that others' things are for."""
        with call.write() as tx:
            domain = owners.fetch_domain(call, tx, call.arguments.need("id"), "id")
            if domain.parent is None:
                raise RequestError("The ROOT domain cannot be deleted", code=531, cs_code=4365)
            if not call.arguments.flag("cleanup"):
                domains.refuse_used(tx, domain)
            job = closing.begin(call, tx, "Domain", domain.id)
            domains.remove(call, tx, job, domain)
            call.event(tx, "DOMAIN.DELETE", f"Deleted domain {domain.path}", "Domain", domain.id, job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done, once the hosts said so."""
        closing.finish_removal(step)

"""deleteAccount."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import closing, people, roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.waiting import Step


class DeleteAccount(Command):
    """Removes an account with its users and all it owns: machines, networks, templates, key pairs, tags.

    Its keys stop at once. The job waits until the hosts concerned have nothing of it left; those that are silent are named, and told when
    they come back. Addresses and VNIs return to their pools when no host can believe in them any more.
    """

    name = "deleteAccount"
    asynchronous = True
    for_domain_admins = True
    parameters = (Parameter("id", Kind.UUID, "the account", required=True, related="listAccounts"),)
    example = "deleteAccount id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 while machines of others are on its networks, or a project has no other admin."""
        with call.write() as tx:
            account = owners.fetch_account(call, tx, call.arguments.need("id"))
            roles.refuse_stronger(call, tx, account)
            people.refuse_own_end(call, account, "delete")
            job = closing.begin(call, tx, "Account", account.id)
            closing.remove_account(call, tx, job, account)
            call.event(tx, "ACCOUNT.DELETE", f"Deleted account {account.name}", "Account", account.id, job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done, once the hosts said so."""
        closing.finish_removal(step)

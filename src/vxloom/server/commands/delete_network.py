"""deleteNetwork."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import networks
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.waiting import Step, end, wait_until_forgotten
from vxloom.store import records


class DeleteNetwork(Command):
    """Removes a network nobody is on, and waits until its hosts have nothing of it left.

    Its VNI returns to the pool when every host that ever had it has acknowledged its absence.
    """

    name = "deleteNetwork"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the network", required=True, related="listNetworks"),)
    example = "deleteNetwork id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 while machines are on it."""
        with call.write() as tx:
            network = owners.fetch_owned(call, tx, records.Network, call.arguments.need("id"))
            networks.delete(call, tx, network)
            job = tx.start_job(
                command=self.name,
                account=call.caller.account.id,
                user=call.caller.user.id,
                instance_type="Network",
                instance=network.id,
                context={"root": call.caller.root},
                phase="withdraw",
            )
            wait_until_forgotten(tx, job, network.zone, network.vni)
            call.event(tx, "NETWORK.DELETE", f"Deleted network {network.name}", "Network", network.id, job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done; whoever is silent is named, and told when it comes back."""
        end(step, {"success": True, "pendinghosts": step.outcome.pendinghosts if step.job.context.get("root") else None})

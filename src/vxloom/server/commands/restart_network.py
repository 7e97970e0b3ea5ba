"""restartNetwork."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.waiting import Step, end, wait_for_peers
from vxloom.store import records

_STATES = (records.NetworkState.IMPLEMENTED, records.NetworkState.SETUP)


class RestartNetwork(Command):
    """Sends a network's table to its hosts anew and waits until they have verified it. Nothing is interrupted."""

    name = "restartNetwork"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the network", required=True, related="listNetworks"),)
    example = "restartNetwork id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for a network that has no VNI yet."""
        with call.write() as tx:
            network = owners.fetch_owned(call, tx, records.Network, call.arguments.need("id"))
            if network.state not in _STATES:
                raise RequestError(
                    f"Unable to restart network {network.name}: it is in state {network.state.value}, not Implemented or Setup",
                    remedy="a network is implemented when its first instance starts",
                )
            tx.touch_segment(network.id)
            job = tx.start_job(
                command=self.name,
                account=call.caller.account.id,
                user=call.caller.user.id,
                instance_type="Network",
                instance=network.id,
                context={"root": call.caller.root},
                phase="publish",
            )
            wait_for_peers(tx, job, [network.id], but=())
            call.event(tx, "NETWORK.RESTART", f"Restarted network {network.name}", "Network", network.id, job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done; whoever is silent is named."""
        end(step, {"success": True, "pendinghosts": step.outcome.pendinghosts if step.job.context.get("root") else None})

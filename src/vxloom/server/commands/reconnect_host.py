"""reconnectHost."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle.maintenance import INSTANCE
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.hosts import HOST, host_views
from vxloom.server.waiting import Step, end, fail
from vxloom.store import records


class ReconnectHost(Command):
    """Ends a host's stream; its agent comes back by itself, is told everything anew, and says what it has.

    The agent calls the server, never the other way round: one that is not connected cannot be asked to.
    """

    name = "reconnectHost"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the host", required=True, related="listHosts"),)
    answer = HOST
    example = "reconnectHost id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 534 for a host without a stream."""
        with call.write() as tx:
            host = owners.fetch(tx, records.Host, call.arguments.need("id"))
            if host.id not in call.fleet.live():
                raise RequestError(
                    f"Unable to reconnect host {host.name}: it is not connected", code=534, cs_code=4250, remedy="look at its agent"
                )
            caller = call.caller
            job = tx.start_job(command=self.name, account=caller.account.id, user=caller.user.id, instance_type=INSTANCE, instance=host.id)
            tx.wait_host(job.id, host.id, records.WaitRole.MUST)
            call.event(tx, "HOST.RECONNECT", f"Reconnecting host {host.name}", INSTANCE, host.id, state="Started", job=job.id)
            call.after_commit(lambda: call.fleet.reconnect(host.id))  # one whose stream ended meanwhile greets anew by itself
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done, once it said again what it has."""
        host = step.tx.get(records.Host, step.job.instance or "")
        if host is None or step.outcome.silent:
            fail(step.tx, step.job, "The host was removed meanwhile" if host is None else f"Host {host.name} did not come back in time")
        else:
            end(step, {"host": host_views(step.tx, [host], None)[0]})

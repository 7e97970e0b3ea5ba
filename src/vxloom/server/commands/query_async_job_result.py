"""queryAsyncJobResult."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.operations import JOB, job_views
from vxloom.server.waiting import names
from vxloom.store import records


class QueryAsyncJobResult(Command):
    """Tells how far a job is, and what came of it. A pending one names the hosts it waits for."""

    name = "queryAsyncJobResult"
    for_users = True
    parameters = (Parameter("jobid", Kind.UUID, "the job", required=True, related="listAsyncJobs"),)
    answer = JOB
    example = "queryAsyncJobResult jobid=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's fields, without a key around them."""
        with call.read() as rx:
            job = owners.fetch_owned(call, rx, records.Job, call.arguments.need("jobid"), "jobid")
            view = job_views(rx, [job])[0]
            if job.status is not records.JobStatus.PENDING or not call.caller.root:
                return view
            waiting = names(rx, {wait.host for wait in rx.waits(job.id) if not wait.acked})
            return {**view, "pendinghosts": waiting or None}

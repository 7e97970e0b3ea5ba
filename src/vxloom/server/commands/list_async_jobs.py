"""listAsyncJobs."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same, select
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.operations import JOB, job_views
from vxloom.store import records


class ListAsyncJobs(Command):
    """Lists jobs, newest first."""

    name = "listAsyncJobs"
    for_users = True
    parameters = (
        Parameter("startdate", Kind.DATE, "only jobs since"),
        Parameter("resourceid", Kind.UUID, "only jobs about this object"),
        Parameter("resourcetype", Kind.STRING, "only jobs about objects of this kind: VirtualMachine, Network, …"),
        *OWNED,
        *LISTING,
    )
    answer = JOB
    example = "listAsyncJobs listall=true"

    def run(self, call: Call) -> Fields:
        """Return a page of jobs."""
        given = call.arguments
        with call.read() as rx:
            where = keyword(given, "command") | same(given, resourceid="instance") | alike(given, resourcetype="instance_type")
            accounts = owners.visible(call, rx)
            if accounts is not None:
                where["account"] = accounts
            start = given.moment("startdate")
            if start is not None:
                where["id"] = [row.id for row in select(rx, records.Job, where) if row.created >= start.timestamp()]
            return listed(rx, given, records.Job, "asyncjobs", lambda rows: job_views(rx, rows), where, order="-created")

"""listPods."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.zones import POD, pod_views
from vxloom.store import records


class ListPods(Command):
    """Lists pods."""

    name = "listPods"
    parameters = (
        Parameter("id", Kind.UUID, "only this pod", related="listPods"),
        Parameter("name", Kind.STRING, "only pods of this name"),
        Parameter("zoneid", Kind.UUID, "only pods of this zone", related="listZones"),
        Parameter("allocationstate", Kind.STRING, "only pods in this state"),
        *LISTING,
    )
    answer = POD
    example = "listPods zoneid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of pods."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("id"):
                owners.fetch(rx, records.Pod, wanted)
            if zone := given.filled("zoneid"):
                owners.fetch(rx, records.Zone, zone, "zoneid")
            where = (
                same(given, id="id", zoneid="zone") | alike(given, name="name", allocationstate="allocation_state") | keyword(given, "name")
            )
            return listed(rx, given, records.Pod, "pod", lambda pods: pod_views(rx, pods), where)

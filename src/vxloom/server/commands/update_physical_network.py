"""updatePhysicalNetwork."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.physical import PHYSICAL, physical_views
from vxloom.store import records


class UpdatePhysicalNetwork(Command):
    """Changes a physical network; ``vlan`` replaces all its ranges of VNIs."""

    name = "updatePhysicalNetwork"
    asynchronous = True
    parameters = (
        Parameter("id", Kind.UUID, "the physical network", required=True, related="listPhysicalNetworks"),
        Parameter("state", Kind.STRING, "Enabled or Disabled"),
        Parameter("vlan", Kind.STRING, "all ranges of VNIs from now on: 5000-5100,6000-6999; empty: none", length=65535),
        Parameter("networkspeed", Kind.STRING, "its speed"),
        Parameter("tags", Kind.LIST, "one tag that offerings may ask for; empty: none"),
    )
    answer = PHYSICAL
    example = "updatePhysicalNetwork id=ID vlan=5000-16777214 state=Enabled"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for ranges that are wrong, overlap, or would drop a VNI in use."""
        given = call.arguments
        changes: dict[str, object] = {}
        if state := physical.state(given):
            changes["state"] = state
        if speed := given.filled("networkspeed"):
            changes["network_speed"] = speed
        if "tags" in given:
            changes["tags"] = physical.tag(given)
        with call.write() as tx:
            row = owners.fetch(tx, records.PhysicalNetwork, given.need("id"))
            row = tx.update(records.PhysicalNetwork, row.id, **changes)
            ranges = given.text("vlan")
            if ranges is not None:
                tx.set_vni_ranges(row.id, ranges.strip())
            call.event(tx, "PHYSICAL.NETWORK.UPDATE", f"Changed physical network {row.name}", "PhysicalNetwork", row.id)
            return call.finished_job(tx, "PhysicalNetwork", row.id, one("physicalnetwork", physical_views(tx, [row])[0]))

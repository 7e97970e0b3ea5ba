"""createPhysicalNetwork."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.physical import PHYSICAL, physical_views
from vxloom.store import records
from vxloom.store.bootstrap import providers

_RANGES = ("ZONE", "POD")


class CreatePhysicalNetwork(Command):
    """Makes a physical network, while its zone is disabled. It starts Disabled, with its service providers.

    VNIs may be given here or with updatePhysicalNetwork. Without ``isolationmethods`` the setting ``network.vlan.interfacetype`` says how
    its networks are isolated. Hosts carry VXLAN; a network on one of VLAN is refused.
    """

    name = "createPhysicalNetwork"
    asynchronous = True
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("zoneid", Kind.UUID, "its zone", required=True, related="listZones"),
        Parameter("isolationmethods", Kind.LIST, "VXLAN or VLAN, at most one; default: the setting network.vlan.interfacetype"),
        Parameter("vlan", Kind.STRING, "ranges of VNIs: 5000-5100,6000-6999, each within 0 to 16777214", length=65535),
        Parameter("broadcastdomainrange", Kind.STRING, "ZONE (the default) or POD"),
        Parameter("networkspeed", Kind.STRING, "its speed; kept and shown only"),
        Parameter("tags", Kind.LIST, "one tag that offerings may ask for"),
    )
    answer = PHYSICAL
    example = "createPhysicalNetwork name=overlay zoneid=ID isolationmethods=VXLAN vlan=5000-16777214"

    def run(self, call: Call) -> Fields:
        """Return the physical network's id and the job's."""
        given = call.arguments
        methods = [method.upper() for method in given.items("isolationmethods")]
        if len(methods) > 1 or not set(methods) <= set(physical.METHODS):
            raise RequestError(f"Invalid isolationmethods {','.join(methods)[:80]}", remedy="give one: VXLAN")
        reach = (given.filled("broadcastdomainrange") or "ZONE").upper()
        if reach not in _RANGES:
            raise RequestError(f"Invalid broadcastdomainrange {reach[:80]}", remedy="give ZONE")
        tag = physical.tag(given)
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
            if zone.allocation_state == "Enabled":
                raise RequestError(
                    f"Cannot create a physical network while zone {zone.name} is enabled",
                    code=531,
                    cs_code=4365,
                    remedy="updateZone allocationstate=Disabled first; networks and machines go on",
                )
            row = records.PhysicalNetwork(
                zone=zone.id,
                name=given.need("name").strip(),
                isolation_method=methods[0] if methods else "",
                broadcast_domain_range=reach,
                network_speed=given.filled("networkspeed"),
                tags=tag,
            )
            tx.add(row)
            tx.add_all(providers(row.id))
            if ranges := given.filled("vlan"):
                tx.set_vni_ranges(row.id, ranges)
            call.event(tx, "PHYSICAL.NETWORK.CREATE", f"Created physical network {row.name} in zone {zone.name}", "PhysicalNetwork", row.id)
            job = call.finished_job(tx, "PhysicalNetwork", row.id, one("physicalnetwork", physical_views(tx, [row])[0]))
        return {"id": row.id, **job}

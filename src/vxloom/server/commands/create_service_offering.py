"""createServiceOffering."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import sizes
from vxloom.server.parameters import Arguments, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.offerings import SERVICE_OFFERING, service_offering_views
from vxloom.store import records

_MOST = {
    "cpunumber": sizes.CPUS,
    "mincpunumber": sizes.CPUS,
    "maxcpunumber": sizes.CPUS,
    "cpuspeed": sizes.SPEED,
    "memory": sizes.MEMORY,
    "minmemory": sizes.MEMORY,
    "maxmemory": sizes.MEMORY,
}
_LIMITS = {"mincpunumber": "minCPUNumber", "maxcpunumber": "maxCPUNumber", "minmemory": "minMemory", "maxmemory": "maxMemory"}


class CreateServiceOffering(Command):
    """Makes a service offering: a size of machines, fixed, or chosen when a machine is deployed (``customized``).

    Sizes are kept and shown; what a guest really has is its hypervisor's business. ``hosttags`` decide where its machines may go.
    """

    name = "createServiceOffering"
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("displaytext", Kind.STRING, "what people read; default: its name"),
        Parameter("cpunumber", Kind.INTEGER, "processors; default 1"),
        Parameter("cpuspeed", Kind.INTEGER, "MHz; default 500"),
        Parameter("memory", Kind.INTEGER, "MiB; default 512"),
        Parameter("customized", Kind.BOOLEAN, "whoever deploys chooses processors and memory: details[0].cpuNumber, details[0].memory"),
        Parameter("mincpunumber", Kind.INTEGER, "of a customized one: least processors"),
        Parameter("maxcpunumber", Kind.INTEGER, "of a customized one: most processors"),
        Parameter("minmemory", Kind.INTEGER, "of a customized one: least MiB"),
        Parameter("maxmemory", Kind.INTEGER, "of a customized one: most MiB"),
        Parameter("hosttags", Kind.LIST, "tags a host must have, comma-separated"),
        Parameter("offerha", Kind.BOOLEAN, "kept and shown only"),
        Parameter("issystem", Kind.BOOLEAN, "for system machines, of which there are none: kept and listed only"),
    )
    answer = SERVICE_OFFERING
    example = "createServiceOffering name=small displaytext=Small cpunumber=1 cpuspeed=500 memory=512"

    def run(self, call: Call) -> Fields:
        """Return the offering."""
        given = call.arguments
        for name, what in _MOST.items():
            number = given.number(name)
            if number is not None and not 1 <= number <= sizes.MOST[what]:
                raise RequestError(f"Invalid {name} {number}", remedy=f"give 1 to {sizes.MOST[what]}")
        name = given.need("name").strip()
        row = records.ServiceOffering(
            name=name,
            display_text=given.filled("displaytext") or name,
            cpu_number=given.number("cpunumber") or given.number("mincpunumber") or 1,
            cpu_speed=given.number("cpuspeed") or 500,
            memory=given.number("memory") or given.number("minmemory") or 512,
            host_tags=",".join(given.items("hosttags")) or None,
            offer_ha=given.flag("offerha"),
            is_system=given.flag("issystem"),
            limits=_limits(given),
        )
        with call.write() as tx:
            tx.add(row)
            call.event(tx, "SERVICE.OFFERING.CREATE", f"Created service offering {name}", "ServiceOffering", row.id)
        return one("serviceoffering", service_offering_views([row])[0])


def _limits(given: Arguments) -> dict[str, str] | None:
    """Return the bounds of a customized offering, None of a fixed one; raises 431 for those that exclude one another."""
    stated = {_LIMITS[name]: number for name in _LIMITS if (number := given.number(name)) is not None}
    if not given.flag("customized"):
        if stated:
            raise RequestError("Least and most sizes are for customized offerings", remedy="give customized=true, too")
        return None
    for least, most in (("minCPUNumber", "maxCPUNumber"), ("minMemory", "maxMemory")):
        if stated.get(least, 1) > stated.get(most, 1 << 30):
            raise RequestError(f"{least} {stated[least]} is more than {most} {stated[most]}")
    return {name: str(number) for name, number in stated.items()}

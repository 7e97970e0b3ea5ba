"""createServiceOffering."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.offerings import SERVICE_OFFERING, service_offering_views
from vxloom.store import records

_LIMITS = {"cpunumber": 1024, "cpuspeed": 1_000_000, "memory": 1 << 30}


class CreateServiceOffering(Command):
    """Makes a service offering. Sizes are kept and shown; ``hosttags`` decide where its machines may go."""

    name = "createServiceOffering"
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("displaytext", Kind.STRING, "what people read; default: its name"),
        Parameter("cpunumber", Kind.INTEGER, "processors; default 1"),
        Parameter("cpuspeed", Kind.INTEGER, "MHz; default 500"),
        Parameter("memory", Kind.INTEGER, "MiB; default 512"),
        Parameter("hosttags", Kind.LIST, "tags a host must have, comma-separated"),
        Parameter("offerha", Kind.BOOLEAN, "kept and shown only"),
    )
    answer = SERVICE_OFFERING
    example = "createServiceOffering name=small displaytext=Small cpunumber=1 cpuspeed=500 memory=512"

    def run(self, call: Call) -> Fields:
        """Return the offering."""
        given = call.arguments
        for name, most in _LIMITS.items():
            number = given.number(name)
            if number is not None and not 1 <= number <= most:
                raise RequestError(f"Invalid {name} {number}", remedy=f"give 1 to {most}")
        name = given.need("name").strip()
        row = records.ServiceOffering(
            name=name,
            display_text=given.filled("displaytext") or name,
            cpu_number=given.number("cpunumber") or 1,
            cpu_speed=given.number("cpuspeed") or 500,
            memory=given.number("memory") or 512,
            host_tags=",".join(given.items("hosttags")) or None,
            offer_ha=given.flag("offerha"),
        )
        with call.write() as tx:
            tx.add(row)
            call.event(tx, "SERVICE.OFFERING.CREATE", f"Created service offering {name}", "ServiceOffering", row.id)
        return one("serviceoffering", service_offering_views([row])[0])

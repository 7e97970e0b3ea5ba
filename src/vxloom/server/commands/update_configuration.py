"""updateConfiguration."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.operations import CONFIGURATION, configuration_views
from vxloom.store import records
from vxloom.store.settings_catalogue import CATALOGUE


class UpdateConfiguration(Command):
    """Gives a setting a value: everywhere, or with ``zoneid`` in one zone."""

    name = "updateConfiguration"
    parameters = (
        Parameter("name", Kind.STRING, "the setting", required=True),
        Parameter("value", Kind.STRING, "its value", length=4096),
        Parameter("zoneid", Kind.UUID, "only in this zone", related="listZones"),
    )
    answer = CONFIGURATION
    example = "updateConfiguration name=vxloom.job.deadline value=60"

    def run(self, call: Call) -> Fields:
        """Return the setting; raises 431 for an unknown name or a value of the wrong type."""
        given = call.arguments
        name, value = given.need("name").strip(), given.text("value") or ""
        with call.write() as tx:
            zone = given.filled("zoneid")
            if zone:
                owners.fetch(tx, records.Zone, zone, "zoneid")
            tx.set_setting(name, value, zone)
            where = f" in zone {zone}" if zone else ""
            call.event(tx, "CONFIGURATION.VALUE.EDIT", f"Set {name} to {value!r}{where}", "Configuration", name)
            return one("configuration", configuration_views(tx, [CATALOGUE[name]], zone)[0])

"""updateConfiguration."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import scopes
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.operations import CONFIGURATION, configuration_views
from vxloom.store.settings_catalogue import declared


class UpdateConfiguration(Command):
    """Gives a setting a value: everywhere, with ``zoneid`` in one zone, or with ``accountid`` for one account."""

    name = "updateConfiguration"
    parameters = (
        Parameter("name", Kind.STRING, "the setting", required=True),
        Parameter("value", Kind.STRING, "its value", length=4096),
        *scopes.SCOPES,
    )
    answer = CONFIGURATION
    example = "updateConfiguration name=vxloom.job.deadline value=60"

    def run(self, call: Call) -> Fields:
        """Return the setting; raises 431 for an unknown name, a value of the wrong type, or a scope the setting has not."""
        given = call.arguments
        setting, value = declared(given.need("name")), given.text("value") or ""
        with call.write() as tx:
            scope = scopes.changed(call, tx, setting.name)
            tx.set_setting(setting.name, value, scope.zone, scope.account)
            text = f"Set {setting.name} to {value!r}{scopes.where(scope)}"
            call.event(tx, "CONFIGURATION.VALUE.EDIT", text, "Configuration", setting.name)
            return one("configuration", configuration_views(tx, [setting], scope)[0])

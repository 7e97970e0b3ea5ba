"""resetConfiguration."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import scopes
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.operations import CONFIGURATION, configuration_views
from vxloom.store.settings_catalogue import declared


class ResetConfiguration(Command):
    """Gives a setting its default again; with ``zoneid`` or ``accountid``: the value everybody has."""

    name = "resetConfiguration"
    parameters = (Parameter("name", Kind.STRING, "the setting", required=True), *scopes.SCOPES)
    answer = CONFIGURATION
    example = "resetConfiguration name=vxloom.job.deadline"

    def run(self, call: Call) -> Fields:
        """Return the setting; raises 431 for an unknown name, or a scope the setting has not."""
        setting = declared(call.arguments.need("name"))
        with call.write() as tx:
            scope = scopes.changed(call, tx, setting.name)
            tx.reset_setting(setting.name, scope.zone, scope.account)
            text = f"Reset {setting.name}{scopes.where(scope)}"
            call.event(tx, "CONFIGURATION.VALUE.EDIT", text, "Configuration", setting.name)
            return one("configuration", configuration_views(tx, [setting], scope)[0])

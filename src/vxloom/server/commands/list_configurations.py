"""listConfigurations."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import scopes
from vxloom.server.listing import paged
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.operations import CONFIGURATION, configuration_views
from vxloom.store.settings_catalogue import CATALOGUE


class ListConfigurations(Command):
    """Lists settings with their values: all, or those a zone (``zoneid``) or an account (``accountid``) may have its own value of."""

    name = "listConfigurations"
    parameters = (
        Parameter("name", Kind.STRING, "only this setting"),
        Parameter("category", Kind.STRING, "only settings of this category"),
        *scopes.SCOPES,
        *LISTING,
    )
    answer = CONFIGURATION
    example = "listConfigurations name=vxloom.job.deadline"

    def run(self, call: Call) -> Fields:
        """Return a page of settings, by name."""
        given = call.arguments
        name, category, part = given.filled("name"), given.filled("category"), (given.filled("keyword") or "").lower()
        with call.read() as rx:
            scope = scopes.asked(call, rx)
            chosen = [
                setting
                for _, setting in sorted(CATALOGUE.items())
                if (name is None or setting.name.lower() == name.lower())
                and (category is None or setting.category.lower() == category.lower())
                and part in setting.name.lower()
                and scope.kind in setting.scopes
            ]
            return paged(rx, given, "configuration", configuration_views(rx, chosen, scope))

"""listOsCategories."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import paged
from vxloom.server.os_types import OS_CATEGORIES
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.derived import os_category_id


class ListOsCategories(Command):
    """Lists families of operating systems."""

    name = "listOsCategories"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this one", related="listOsCategories"),
        Parameter("name", Kind.STRING, "only the one of this name"),
        *LISTING,
    )
    answer = fields("id string the family's id\nname string its name")
    example = "listOsCategories"

    def run(self, call: Call) -> Fields:
        """Return a page of families."""
        given = call.arguments
        wanted, name, part = given.filled("id"), given.filled("name"), (given.filled("keyword") or "").lower()
        rows = [
            {"id": os_category_id(family), "name": family}
            for family in OS_CATEGORIES
            if wanted in {None, os_category_id(family)} and (name is None or name.lower() == family.lower()) and part in family.lower()
        ]
        with call.read() as rx:
            return paged(rx, given, "oscategory", rows)

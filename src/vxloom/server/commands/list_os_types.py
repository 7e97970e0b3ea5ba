"""listOsTypes."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import paged
from vxloom.server.os_types import OS_TYPES, described
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields


class ListOsTypes(Command):
    """Lists operating systems, as templates name them; nothing depends on which."""

    name = "listOsTypes"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this one", related="listOsTypes"),
        Parameter("ids", Kind.LIST, "only these", length=40000),
        Parameter("oscategoryid", Kind.UUID, "only those of this family", related="listOsCategories"),
        Parameter("description", Kind.STRING, "only the one of this name"),
        *LISTING,
    )
    answer = fields("""
id string the operating system's id
name string its name
description string its name
oscategoryid string its family's id
oscategoryname string its family
isuserdefined boolean always false
""")
    example = "listOsTypes keyword=debian"

    def run(self, call: Call) -> Fields:
        """Return a page of operating systems."""
        given = call.arguments
        wanted, family, name = given.filled("id"), given.filled("oscategoryid"), given.filled("description")
        several = given.items("ids")
        part = (given.filled("keyword") or "").lower()
        if wanted:
            described(wanted, "id")
        rows: list[Fields] = [
            {
                "id": one.id,
                "name": one.description,
                "description": one.description,
                "oscategoryid": one.category_id,
                "oscategoryname": one.category,
                "isuserdefined": False,
            }
            for one in OS_TYPES
            if wanted in {None, one.id}
            and (not several or one.id in several)
            and family in {None, one.category_id}
            and (name is None or name.lower() == one.description.lower())
            and part in one.description.lower()
        ]
        with call.read() as rx:
            return paged(rx, given, "ostype", rows)

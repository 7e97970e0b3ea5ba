"""listTrafficTypeImplementors."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import paged
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields


class ListTrafficTypeImplementors(Command):
    """Lists what carries each kind of traffic: guest traffic is carried by VXLAN, the other kinds are the hosts' own affair."""

    name = "listTrafficTypeImplementors"
    parameters = (Parameter("traffictype", Kind.STRING, "only this kind of traffic: Guest"), *LISTING)
    answer = fields("traffictype string the kind of traffic\ntraffictypeimplementor string CloudStack's name of what carries it")
    example = "listTrafficTypeImplementors"

    def run(self, call: Call) -> Fields:
        """Return a list of one."""
        given = call.arguments
        wanted = (given.filled("traffictype") or "guest").lower() == "guest" and (given.filled("keyword") or "").lower() in "guest"
        rows: list[Fields] = [{"traffictype": "Guest", "traffictypeimplementor": "VxlanGuestNetworkGuru"}] if wanted else []
        with call.read() as rx:
            return paged(rx, given, "traffictypeimplementor", rows)

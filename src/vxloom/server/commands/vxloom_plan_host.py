"""vxloomPlanHost."""

from __future__ import annotations

import msgspec

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.lifecycle.naming import named
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import records

PATIENCE = 10.0
"""Seconds a host has to look at its kernel."""


class VxloomPlanHost(Command):
    """Asks a host what it would change in its kernel, and why. vxloom's own; changes nothing."""

    name = "vxloomPlanHost"
    parameters = (
        Parameter("id", Kind.UUID, "the host", related="listHosts"),
        Parameter("name", Kind.STRING, "the host's name, instead of id"),
    )
    answer = fields("""
hostid string the host's id
hostname string its name
plan string the steps, a line each, with reasons
holding string why nothing is withdrawn at present
dropped string frames refused on this host, by reason
""")
    example = "vxloomPlanHost name=h1"

    def run(self, call: Call) -> Fields:
        """Return the plan as the agent tells it; raises 534 when the host is not connected or does not answer."""
        with call.read() as rx:
            host = named(rx, records.Host, call.arguments, "id", "name")
        body = call.fleet.ask(host.id, "plan", PATIENCE)
        try:
            told = msgspec.json.decode(body, type=dict[str, object])
        except msgspec.DecodeError as error:
            raise RequestError(
                f"Host {host.name} answered something unknown: {error}", code=534, cs_code=4250, remedy="upgrade its agent"
            ) from error
        plain = {name: value for name, value in told.items() if isinstance(value, str | int | float | bool)}
        return one("plan", {**plain, "hostid": host.id, "hostname": host.name})

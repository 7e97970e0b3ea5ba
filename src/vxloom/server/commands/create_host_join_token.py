"""createHostJoinToken."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import records


class CreateHostJoinToken(Command):
    """Makes a one-time token with which an agent joins as a host. vxloom's own.

    The token carries the fingerprint of the server's CA, so that the agent knows whom it talks to. It is shown once and never again.
    """

    name = "createHostJoinToken"
    answers_secret = True
    parameters = (
        Parameter("name", Kind.STRING, "name of the host that will join", required=True),
        Parameter("zoneid", Kind.UUID, "zone it joins", required=True, related="listZones"),
    )
    answer = fields("token string the token; put it into the agent's join.token\nname string name of the host\nzoneid string zone it joins")
    example = "createHostJoinToken name=h1 zoneid=ID"

    def run(self, call: Call) -> Fields:
        """Return the token."""
        name = call.arguments.need("name").strip()
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, call.arguments.need("zoneid"), "zoneid")
            token = call.fleet.issue_token(zone.id, name, call.caller.user.username, tx)
            call.event(tx, "HOST.TOKEN.CREATE", f"Made a join token for host {name} in zone {zone.name}", "Zone", zone.id)
        return one("hostjointoken", {"token": token, "name": name, "zoneid": zone.id})

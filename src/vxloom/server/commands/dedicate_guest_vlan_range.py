"""dedicateGuestVlanRange."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import OWNER, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.vnis import DEDICATED, dedicated_views
from vxloom.store import records


class DedicateGuestVlanRange(Command):
    """Keeps a range of VNIs for one account's networks.

    The account's networks get these first; when they are used up, the setting ``use.system.guest.vlans`` says whether they get others.
    Ranges of one account that touch are joined.
    """

    name = "dedicateGuestVlanRange"
    parameters = (
        Parameter("physicalnetworkid", Kind.UUID, "the physical network", required=True, related="listPhysicalNetworks"),
        Parameter("vlanrange", Kind.STRING, "one range within the physical network's: 5000-5100", required=True),
        *OWNER,
    )
    answer = DEDICATED
    example = "dedicateGuestVlanRange physicalnetworkid=ID vlanrange=5000-5100 account=blue domainid=ID"

    def run(self, call: Call) -> Fields:
        """Return the range kept; raises 431 outside the physical network's ranges, dedicated already, or used by another account."""
        given = call.arguments
        if not given.filled("projectid") and not (given.filled("account") and given.filled("domainid")):
            raise RequestError("Give account and domainid, or projectid", remedy="whom is the range to be kept for?")
        with call.write() as tx:
            physical = owners.fetch(tx, records.PhysicalNetwork, given.need("physicalnetworkid"), "physicalnetworkid")
            account = owners.owner(call, tx)
            row = tx.dedicate_vnis(physical.id, account.id, given.need("vlanrange"))
            text = f"Dedicated VNIs {given.need('vlanrange').strip()} of physical network {physical.name} to account {account.name}"
            call.event(tx, "GUESTVLANRANGE.DEDICATE", text, "GuestVlanRange", row.id)
            return one("dedicatedguestvlanrange", dedicated_views(tx, [row])[0])

"""listDedicatedGuestVlanRanges."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import listed, same
from vxloom.server.parameters import OWNER, PAGE, PAGE_SIZE, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.vnis import DEDICATED, dedicated_views
from vxloom.store import records


class ListDedicatedGuestVlanRanges(Command):
    """Lists the ranges of VNIs that are kept for accounts."""

    name = "listDedicatedGuestVlanRanges"
    parameters = (
        Parameter("id", Kind.UUID, "only this dedication", related="listDedicatedGuestVlanRanges"),
        Parameter("guestvlanrange", Kind.STRING, "only this range: 5000-5100"),
        Parameter("physicalnetworkid", Kind.UUID, "only ranges of this physical network", related="listPhysicalNetworks"),
        Parameter("zoneid", Kind.UUID, "only ranges of this zone", related="listZones"),
        *OWNER,
        PAGE,
        PAGE_SIZE,
    )
    answer = DEDICATED
    example = "listDedicatedGuestVlanRanges zoneid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of ranges."""
        given = call.arguments
        kinds = {"id": records.DedicatedRange, "physicalnetworkid": records.PhysicalNetwork, "zoneid": records.Zone}
        with call.read() as rx:
            for parameter, known in kinds.items():
                if wanted := given.filled(parameter):
                    owners.fetch(rx, known, wanted, parameter)
            where = same(given, id="id", physicalnetworkid="physical_network", zoneid="zone")
            if text := given.filled("guestvlanrange"):
                first, _, last = text.partition("-")
                if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in (first, last or first)):
                    raise RequestError(f"Invalid guestvlanrange {text[:80]}", remedy="write it as 5000-5100")
                where |= {"start": int(first), "end": int(last or first)}
            if given.filled("account") or given.filled("projectid"):
                where["account"] = owners.owner(call, rx).id
            elif domain := given.filled("domainid"):
                owners.fetch(rx, records.Domain, domain, "domainid")
                where["account"] = [account.id for account in rx.all(records.Account, domain=domain)]
            kind, name = records.DedicatedRange, "dedicatedguestvlanrange"
            return listed(rx, given, kind, name, lambda rows: dedicated_views(rx, rows), where, order="start")

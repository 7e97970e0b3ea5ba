"""listVolumes."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import volumes
from vxloom.server.listing import Where, keyword, listed, same
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.volumes import VOLUME, volume_views
from vxloom.store import Fold, ReadTransaction, records

_NONE: Where = {"id": ""}


class ListVolumes(Command):
    """Lists volumes: one ROOT volume for each machine, so that clients can name it. There is no storage behind it to manage."""

    name = "listVolumes"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this volume", related="listVolumes"),
        Parameter("ids", Kind.LIST, "only these volumes", length=40000),
        Parameter("name", Kind.STRING, "only the volume of this name"),
        Parameter("type", Kind.STRING, "ROOT; others are none"),
        Parameter("virtualmachineid", Kind.UUID, "only this machine's", related="listVirtualMachines"),
        Parameter("zoneid", Kind.UUID, "only those in this zone", related="listZones"),
        Parameter("serviceofferingid", Kind.UUID, "only those of machines of this size", related="listServiceOfferings"),
        *OWNED,
        *LISTING,
    )
    answer = VOLUME
    example = "listVolumes virtualmachineid=ID type=ROOT"

    def run(self, call: Call) -> Fields:
        """Return a page of volumes."""
        given = call.arguments
        with call.read() as rx:
            return listed(rx, given, records.Vm, "volume", lambda rows: volume_views(rx, rows), _where(call, rx))


def _where(call: Call, rx: ReadTransaction) -> Where:
    """Return the condition on the machines whose volumes are asked for."""
    given = call.arguments
    if zone := given.filled("zoneid"):
        owners.fetch(rx, records.Zone, zone, "zoneid")
    if size := given.filled("serviceofferingid"):
        owners.fetch(rx, records.ServiceOffering, size, "serviceofferingid")
    where = (
        same(given, zoneid="zone", serviceofferingid="service_offering")
        | keyword(given, "name", "display_name")
        | {"state": volumes.PRESENT}
    )
    ids: set[str] | None = None
    if wanted := given.filled("id"):
        ids = {volumes.machine_of(call, rx, wanted, "id").id}
    if machine := given.filled("virtualmachineid"):
        vm = owners.fetch_owned(call, rx, records.Vm, machine, "virtualmachineid").id
        ids = {vm} if ids is None else ids & {vm}
    if "ids" in given:
        several = volumes.machine_ids(given.items("ids"))
        ids = several if ids is None else ids & several
    if name := given.filled("name"):
        where |= {"instance_name": Fold(volumes.instance_name(name))}
    if ids is not None:
        where["id"] = sorted(ids)
    if (kind := given.filled("type")) and kind.upper() != "ROOT":
        return _NONE
    accounts = owners.visible(call, rx)
    if accounts is not None and not (given.filled("virtualmachineid") or given.filled("id")):
        where["account"] = accounts
    return where

"""listVirtualMachines."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE, machine_views
from vxloom.store import ReadTransaction, records

_HIDDEN = (records.VmState.DESTROYED, records.VmState.EXPUNGING)
_SHOWN = [state for state in records.VmState if state not in _HIDDEN]


class ListVirtualMachines(Command):
    """Lists machines. Destroyed ones show when asked for by id or state, or to root admins."""

    name = "listVirtualMachines"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this machine", related="listVirtualMachines"),
        Parameter("ids", Kind.LIST, "only these machines; not together with id"),
        Parameter("name", Kind.STRING, "only machines of this name"),
        Parameter("state", Kind.STRING, "Running, Stopped, …; Present: all but destroyed ones"),
        Parameter("zoneid", Kind.UUID, "only machines of this zone", related="listZones"),
        Parameter("hostid", Kind.UUID, "only machines on this host; for root admins", related="listHosts"),
        Parameter("networkid", Kind.UUID, "only machines on this network", related="listNetworks"),
        Parameter("serviceofferingid", Kind.UUID, "only machines of this size", related="listServiceOfferings"),
        Parameter("templateid", Kind.UUID, "only machines of this template", related="listTemplates"),
        Parameter("projectid", Kind.STRING, "-1: taken and ignored; there are no projects"),
        *OWNED,
        *LISTING,
    )
    answer = MACHINE
    example = "listVirtualMachines listall=true state=Running"

    def run(self, call: Call) -> Fields:
        """Return a page of machines."""
        given = call.arguments
        with call.read() as rx:
            where = same(given, zoneid="zone", serviceofferingid="service_offering", templateid="template")
            where |= alike(given, name="name", state="state") | keyword(given, "name", "display_name")
            accounts = owners.visible(call, rx)
            if accounts is not None:
                where["account"] = accounts
            chosen = _chosen(call, rx)
            if chosen is not None:
                where["id"] = sorted(chosen)
            state = given.filled("state")
            if (state or "").lower() == "present" or (state is None and given.filled("id") is None and not call.caller.root):
                where["state"] = _SHOWN
            return listed(rx, given, records.Vm, "virtualmachine", lambda rows: machine_views(rx, rows, root=call.caller.root), where)


def _chosen(call: Call, rx: ReadTransaction) -> set[str] | None:
    """Return the ids left by the filters that are no columns of a machine; None: all."""
    given = call.arguments
    sets: list[set[str]] = []
    for name, kind in (("zoneid", records.Zone), ("serviceofferingid", records.ServiceOffering), ("templateid", records.Template)):
        if wanted := given.filled(name):
            owners.fetch(rx, kind, wanted, name)
    if wanted := given.filled("id"):
        sets.append({owners.fetch_owned(call, rx, records.Vm, wanted).id})
    if ids := given.items("ids"):
        sets.append(set(ids))
    if network := given.filled("networkid"):
        owners.fetch_owned(call, rx, records.Network, network, "networkid")
        sets.append({nic.vm for nic in rx.all(records.Nic, network=network)})
    if (host := given.filled("hostid")) and call.caller.root:
        owners.fetch(rx, records.Host, host, "hostid")
        nics = [binding.nic for binding in rx.all(records.Binding, host=host)]
        machines = {nic.vm for nic in rx.all(records.Nic, id=nics)} if nics else set()
        sets.append({vm for vm, place in rx.hosts_of(machines).items() if place.id == host})
    return set.intersection(*sets) if sets else None

"""listVirtualMachines."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import access
from vxloom.server.listing import alike, keyword, listed, same, tagged
from vxloom.server.parameters import LISTING, OWNED, TAGS, Arguments, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.derived import group_id
from vxloom.server.views.machines import MACHINE, machine_views
from vxloom.server.views.values import within
from vxloom.store import Contains, Fold, ReadTransaction, records

_HIDDEN = (records.VmState.DESTROYED, records.VmState.EXPUNGING)
_SHOWN = [state for state in records.VmState if state not in _HIDDEN]


class ListVirtualMachines(Command):
    """Lists machines. Destroyed ones show when asked for by id or state, or to root admins."""

    name = "listVirtualMachines"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this machine", related="listVirtualMachines"),
        Parameter("ids", Kind.LIST, "only these machines", length=40000),
        Parameter("name", Kind.STRING, "only machines of this name"),
        Parameter("state", Kind.STRING, "Running, Stopped, …; Present: all but destroyed ones"),
        Parameter("zoneid", Kind.UUID, "only machines of this zone", related="listZones"),
        Parameter("hostid", Kind.UUID, "only machines on this host; for root admins, others find nothing", related="listHosts"),
        Parameter("podid", Kind.UUID, "only machines on hosts of this pod; for root admins, others find nothing", related="listPods"),
        Parameter(
            "clusterid", Kind.UUID, "only machines on hosts of this cluster; for root admins, others find nothing", related="listClusters"
        ),
        Parameter("networkid", Kind.UUID, "only machines on this network", related="listNetworks"),
        Parameter("groupid", Kind.UUID, "only machines of this group"),
        Parameter("keypair", Kind.STRING, "only machines of this SSH key pair"),
        Parameter("userid", Kind.UUID, "only machines this user made", related="listUsers"),
        Parameter("hypervisor", Kind.STRING, "only machines of this hypervisor"),
        Parameter("haenable", Kind.BOOLEAN, "only machines with, or without it"),
        Parameter("displayvm", Kind.BOOLEAN, "only machines users see, or only others; for root admins, others find nothing"),
        Parameter("serviceofferingid", Kind.UUID, "only machines of this size", related="listServiceOfferings"),
        Parameter("templateid", Kind.UUID, "only machines of this template", related="listTemplates"),
        TAGS,
        *OWNED,
        *LISTING,
    )
    answer = MACHINE
    example = "listVirtualMachines listall=true state=Running"

    def run(self, call: Call) -> Fields:
        """Return a page of machines."""
        given = call.arguments
        with call.read() as rx:
            where = same(
                given, zoneid="zone", serviceofferingid="service_offering", templateid="template", keypair="keypair", userid="user"
            )
            if (flag := given.choice("haenable")) is not None:
                where["ha_enable"] = flag
            if not call.caller.root:
                where["display_vm"] = True
            elif (flag := given.choice("displayvm")) is not None:
                where["display_vm"] = flag
            where |= alike(given, name="name", state="state") | keyword(given, "name", "display_name") | tagged(given)
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
        access.fetch(call, rx, network, "networkid")
        sets.append({nic.vm for nic in rx.all(records.Nic, network=network)})
    if call.caller.root:
        sets += _by_place(rx, given)
    elif given.choice("displayvm") is False or any(given.filled(name) for name in ("hostid", "podid", "clusterid")):
        return set()  # not theirs to ask, and everything would be more than was asked for
    if group := given.filled("groupid"):
        grouped = rx.all(records.Vm, group_name=Contains(""))
        sets.append({vm.id for vm in grouped if vm.group_name and group_id(vm.account, vm.group_name) == group})
    if hypervisor := given.filled("hypervisor"):
        sets.append(_of_hypervisor(rx, hypervisor))
    return set.intersection(*sets) if sets else None


def _by_place(rx: ReadTransaction, given: Arguments) -> list[set[str]]:
    """Return the machines on a host, on those of a pod, on those of a cluster: a set for each that was asked for."""
    sets: list[set[str]] = []
    kinds: tuple[tuple[str, type[records.Host | records.Pod | records.Cluster], str], ...] = (
        ("hostid", records.Host, "id"),
        ("podid", records.Pod, "pod"),
        ("clusterid", records.Cluster, "cluster"),
    )
    for name, kind, column in kinds:
        if wanted := given.filled(name):
            owners.fetch(rx, kind, wanted, name)
            hosts = {host.id for host in rx.all(records.Host, **{column: wanted})}  # type: ignore[arg-type] # no option is called so
            sets.append(_on(rx, hosts))
    return sets


def _on(rx: ReadTransaction, hosts: set[str]) -> set[str]:
    nics = [binding.nic for binding in within(rx, records.Binding, "host", hosts)]
    machines = {nic.vm for nic in within(rx, records.Nic, "id", nics)}
    return {vm for vm, place in rx.hosts_of(machines).items() if place.id in hosts}


def _of_hypervisor(rx: ReadTransaction, name: str) -> set[str]:
    """Return the machines of a hypervisor: that of the last host, where there was one, else the template's."""
    hosts = [host.id for host in rx.all(records.Host, hypervisor=Fold(name))]
    templates = [template.id for template in rx.all(records.Template, hypervisor=Fold(name))]
    placed = rx.all(records.Vm, last_host=hosts) if hosts else []
    return {vm.id for vm in (*placed, *(rx.all(records.Vm, template=templates, last_host=None) if templates else []))}

"""deployVirtualMachine."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import deployment, keys, machines, offerings, sizes
from vxloom.server.parameters import CUSTOM_ID, OWNER, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_views
from vxloom.server.waiting import Step
from vxloom.store import Transaction, records

EVENT = "VM.CREATE"


class DeployVirtualMachine(Command):
    """Makes a machine, gives it NICs with addresses, places it on a host and starts it.

    A machine is a network namespace the agent makes, or with ``details[0].vxloom.source=external`` (root admins) a guest others start:
    its tap, ``details[0].vxloom.tap``, is bound as soon as it appears. ``details[0].vxloom.shared=IP,MAC`` names addresses its first NIC
    may share with others (VRRP).
    """

    name = "deployVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("serviceofferingid", Kind.UUID, "its size", required=True, related="listServiceOfferings"),
        Parameter("templateid", Kind.UUID, "its template", required=True, related="listTemplates"),
        Parameter("zoneid", Kind.UUID, "its zone", required=True, related="listZones"),
        Parameter("networkids", Kind.LIST, "its networks, comma-separated; the first is the default one", related="listNetworks"),
        Parameter("iptonetworklist", Kind.MAP, "iptonetworklist[0].networkid=ID&iptonetworklist[0].ip=10.1.1.5, also .ipv6 and .mac"),
        Parameter("nicnetworklist", Kind.MAP, "nicnetworklist[0].nic=0&nicnetworklist[0].network=ID, instead of networkids"),
        Parameter("ipaddress", Kind.STRING, "IPv4 address on its only network"),
        Parameter("ip6address", Kind.STRING, "IPv6 address on its only network"),
        Parameter("macaddress", Kind.STRING, "MAC address of its default NIC"),
        Parameter("name", Kind.STRING, "its host name"),
        Parameter("displayname", Kind.STRING, "what people read; default: its name"),
        Parameter("hostid", Kind.UUID, "the host it starts on; for root admins", related="listHosts"),
        Parameter("podid", Kind.UUID, "the pod it starts in; for root admins", related="listPods"),
        Parameter("clusterid", Kind.UUID, "the cluster it starts in; for root admins", related="listClusters"),
        Parameter("displayvm", Kind.BOOLEAN, "whether users see it in lists; for root admins; default true"),
        Parameter("startvm", Kind.BOOLEAN, "whether it is started; default true"),
        Parameter("group", Kind.STRING, "its group"),
        Parameter("keypair", Kind.STRING, "its SSH key pair, one of its owner's; kept and shown: nothing puts it into the guest"),
        Parameter("keypairs", Kind.LIST, "the same; one only"),
        Parameter("userdata", Kind.STRING, "Base64 text; kept, and answered by getVirtualMachineUserData", length=1 << 20),
        Parameter(
            "details",
            Kind.MAP,
            "details[0].cpuNumber=2 and .memory=1024 of a customized offering; details[0].vxloom.source=external, .vxloom.tap=tap7, "
            ".vxloom.shared=IP,MAC; others are kept and shown",
        ),
        CUSTOM_ID,
        *OWNER,
    )
    answer = MACHINE
    example = "deployVirtualMachine name=web1 zoneid=ID serviceofferingid=ID templateid=ID networkids=ID"

    def run(self, call: Call) -> Fields:
        """Return the machine's id and the job's."""
        given = call.arguments
        start = given.flag("startvm", default=True)
        with call.write() as tx:
            where = machines.Place.asked(call, tx)
            vm = _made(call, tx)
            call.event(tx, EVENT, f"Creating instance {vm.name}", machines.INSTANCE, vm.id, state="Created")
            if start:
                job = machines.begin_start(call, tx, vm, where=where)
                return {"id": vm.id, "jobid": job.id}
            view = machine_views(tx, [vm], root=call.caller.root)[0]
            return {"id": vm.id, **call.finished_job(tx, machines.INSTANCE, vm.id, one("virtualmachine", view))}

    def advance(self, step: Step) -> None:
        """Running, once its host said so."""
        machines.end_start(step, event=EVENT)


def _made(call: Call, tx: Transaction) -> records.Vm:
    """Write the machine and its NICs, or nothing."""
    given = call.arguments
    account = owners.owner(call, tx)
    zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
    offering = offerings.size(tx, given.need("serviceofferingid"))
    template = offerings.template(call, tx, given.need("templateid"))
    if zone.allocation_state != "Enabled" and not call.caller.root:
        raise RequestError(f"Cannot perform this operation, Zone is currently disabled: {zone.name}", code=531, cs_code=4365)
    details = sizes.chosen(offering, given.details())
    source, tap = deployment.guest_of(call, details, template)
    asked = deployment.wishes(given)
    networks = deployment.networks_of(call, tx, asked, account, zone)
    vm = given.custom_id(root=call.caller.root) or records.new_id()
    name = deployment.name_of(tx, given, vm, networks)
    row = records.Vm(
        id=vm,
        name=name,
        display_name=given.filled("displayname") or name,
        instance_name=f"i-{records.new_id().partition('-')[0]}-VM",
        zone=zone.id,
        account=account.id,
        user=call.caller.user.id,
        service_offering=offering.id,
        template=template.id,
        guest_source=source,
        display_vm=given.flag("displayvm", default=True) or not call.caller.root,
        group_name=given.filled("group"),
        keypair=keys.named(tx, account, given),
        user_data=deployment.user_data(given),
        details=details,
    )
    tx.add(row)
    deployment.add_nics(call, tx, row, asked, networks, details, tap)
    return row

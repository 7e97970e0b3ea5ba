"""allowSharedAddress."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, shared
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.networks import NIC, nic_views
from vxloom.server.waiting import Step, end, wait_for_peers, wait_for_ports
from vxloom.store import records


class AllowSharedAddress(Command):
    """Lets a NIC hold an IP or MAC that other NICs may hold, too (VRRP). vxloom's own.

    Whoever announced it last (gratuitous ARP, neighbour advertisement) is published as its holder; nobody answers for it statically.
    """

    name = "allowSharedAddress"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("nicid", Kind.UUID, "the NIC", required=True, related="listNics"),
        Parameter("address", Kind.LIST, "IPs and MACs, comma-separated", required=True),
        Parameter("remove", Kind.BOOLEAN, "take the right back"),
    )
    answer = NIC
    example = "allowSharedAddress nicid=ID address=10.1.1.100,00:00:5e:00:01:01"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            nic = owners.fetch_nic(call, tx, given.need("nicid"))
            vm = owners.fetch(tx, records.Vm, nic.vm)
            network = owners.fetch(tx, records.Network, nic.network)
            named = set(shared.checked(tx, network, nic, given.items("address")))
            wanted = set(nic.shared) - named if given.flag("remove") else set(nic.shared) | named
            held = tuple(address for address in nic.held if address in wanted)
            tx.update(records.Nic, nic.id, shared=shared.bounded(wanted), held=held)
            tx.touch_segment(network.id)
            hosts = [binding.host for binding in tx.all(records.Binding, nic=nic.id)]
            job = machines.begin_job(call, tx, vm, phase="publish", nic=nic.id)
            for host in hosts:
                tx.touch_host(host)
                wait_for_ports(tx, job, host, [network.id])
            wait_for_peers(tx, job, [network.id], but=hosts)
            verb = "Withdrew" if given.flag("remove") else "Allowed"
            call.event(
                tx,
                "NIC.SHARED.UPDATE",
                f"{verb} shared addresses {', '.join(sorted(named))} of instance {vm.name}",
                "Nic",
                nic.id,
                job=job.id,
            )
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done, once the NIC's host said so."""
        nic = step.tx.get(records.Nic, step.text("nic"))
        vm = machines.machine_of(step)
        if nic is None or vm is None:
            machines.gone(step)
        elif step.outcome.silent:
            machines.silent(step, vm, "NIC.SHARED.UPDATE", "change the shared addresses of")
        else:
            view = nic_views(step.tx, [nic], root=machines.for_root(step))[0]
            end(step, {"nic": {**view, "pendinghosts": step.outcome.pendinghosts if machines.for_root(step) else None}})

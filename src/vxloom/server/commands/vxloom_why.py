"""vxloomWhy."""

from __future__ import annotations

import msgspec

from vxloom.compiler.segments import active_binding
from vxloom.doctor.why.story import Reach, Story
from vxloom.doctor.why.verdict import tell
from vxloom.errors import RequestError
from vxloom.model.intent import Host, Intent, Nic
from vxloom.model.pair import End, Pair
from vxloom.server import pairs
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.witnesses import Witnesses
from vxloom.store import ReadTransaction, records


class VxloomWhy(Command):
    """Tells whether two machines can talk, and if not why, from the kernels of their hosts. vxloom's own; changes nothing.

    The way is followed place by place in both directions: tap, filter, bridge, FDB, neighbours, flood entries, VXLAN device, route,
    firewall, then the other host. It ends in one sentence that names what is broken and what to do.
    ``packet`` also has marked packets sent from each machine's card and says where they came by; guests take them for a ping.
    """

    name = "vxloomWhy"
    parameters = (
        Parameter("from", Kind.STRING, "the one machine's id or name", required=True),
        Parameter("to", Kind.STRING, "the other machine's id or name", required=True),
        Parameter("packet", Kind.BOOLEAN, "also send three packets and three broadcasts each way, and tell where they came by"),
    )
    answer = fields(
        """
reach string yes, no or unknown
sentence string whether the first reaches the second and is answered, and if not why and what to do
ways list both directions
""",
        ways=fields(
            """
source string the sending machine's name
target string the receiving machine's name
steps list the places in the order in which a frame comes by
arrived integer how many of three packets went out to the target; absent where none was sent or it is not known
""",
            steps=fields("""
host string the host
place string the place on it
standing string ok, impaired (the two can talk, but something is lost or not guarded), broken, unknown or not looked at
seen string what the kernel holds
remedy string what to do
code string the doctor's finding of it, where there is one
"""),
        ),
    )
    example = "vxloomWhy from=web1 to=web2"

    def run(self, call: Call) -> Fields:
        """Return the story; takes as long as the slower of two hosts, 1.8 s at most."""
        with call.read() as rx:
            found = _witnesses(rx, call)
        if isinstance(found, Story):
            return one("why", msgspec.to_builtins(found))
        sights = found.sights()
        packets = found.packets(sights) if call.arguments.flag("packet") else None
        return one("why", msgspec.to_builtins(tell(found.pair, sights, packets)))


def _witnesses(rx: ReadTransaction, call: Call) -> Witnesses | Story:
    """Return whom to ask, or the story where nobody needs to be asked. Raises :class:`RequestError` for machines that are not there."""
    here, there = pairs.machine(rx, call.arguments, "from"), pairs.machine(rx, call.arguments, "to")
    if here.id == there.id:
        raise RequestError(f"{here.name} is one machine", remedy="name two")
    if here.zone != there.zone:
        return _no(here, there, "they are in two zones, and no segment spans zones; a router is needed")
    mine, its = pairs.nics(rx, here, there)
    intent = rx.intent({mine.network, its.network}, zone=here.zone)
    if mine.network != its.network:
        names = {network.id: f"{network.name} (VNI {network.vni})" for network in intent.networks}
        of = " and ".join(names.get(nic.network, "one without a VNI yet") for nic in (mine, its))
        return _no(here, there, f"they are in different segments, {of}; a router between them is needed")
    for vm in (here, there):
        if vm.state is not records.VmState.RUNNING:
            return _no(here, there, f"{vm.name} does not run ({vm.state}); start it: cs startVirtualMachine id={vm.id}")
    ends = tuple(_home(intent, nic.id) for nic in (mine, its))
    if None in ends:
        return _no(here, there, "one of them lives on no host at present; ask again when its job has ended")
    one_end, other_end = (end for end in ends if end is not None)
    return _of(call, rx, intent, one_end, other_end)


def _home(intent: Intent, nic_id: str) -> tuple[Nic, Host] | None:
    """Return a NIC and the host it lives on."""
    nic = next((each for each in intent.nics if each.id == nic_id), None)
    binding = active_binding(nic.bindings) if nic else None
    host = next((each for each in intent.hosts if binding is not None and each.id == binding.host), None)
    return (nic, host) if nic is not None and host is not None else None


def _of(call: Call, rx: ReadTransaction, intent: Intent, one_end: tuple[Nic, Host], other_end: tuple[Nic, Host]) -> Witnesses:
    (network,) = (each for each in intent.networks if each.id == one_end[0].network)
    ends = tuple(
        End(vm=nic.vm_name, nic=nic.id, mac=nic.mac.lower(), ips=nic.ips, host=host.name, vtep=host.vtep)
        for nic, host in (one_end, other_end)
    )
    hosts = (one_end[1].id, other_end[1].id)
    kinds = {host: row.hypervisor for host in hosts if (row := rx.get(records.Host, host))}
    simulated = {host for host, kind in kinds.items() if kind is records.Hypervisor.SIMULATOR}
    return Witnesses(call.fleet, Pair(vni=network.vni, ends=(ends[0], ends[1]), here=()), hosts, frozenset(simulated))


def _no(here: records.Vm, there: records.Vm, why: str) -> Story:
    return Story(reach=Reach.NO, sentence=f"{here.name} cannot reach {there.name}: {why}")

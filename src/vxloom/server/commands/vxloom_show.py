"""vxloomShow."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from vxloom.errors import RequestError, TransportError
from vxloom.model.addresses import format_mac, parse_mac, parse_vni
from vxloom.model.show import MOST, Folding, Query, Shown, View
from vxloom.model.wire import SHOW
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.lifecycle.naming import called
from vxloom.server.listing import select
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.shown import names_of
from vxloom.store import ReadTransaction, records

PATIENCE = 15.0
"""Seconds a host has to look at its kernel."""
_AT_ONCE = 32
"""Hosts asked at the same time."""
_OF_MACHINES = frozenset({View.FDB, View.PORTS})
"""Views that have rows of single machines; the others tell of segments."""
Item = TypeVar("Item", int, str)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is wanted of whom."""

    query: Query
    hosts: list[records.Host]


class VxloomShow(Command):
    """Asks hosts what their kernels hold, and adds the names of tenants, networks and machines. vxloom's own; changes nothing.

    Each row says how it stands to what is wanted: missing, extra, wrong, or foreign (not vxloom's). A host that does not answer is named,
    the others' rows are told. Simulated hosts have no kernel to look at and are left out.
    """

    name = "vxloomShow"
    parameters = (
        Parameter("view", Kind.STRING, f"what to show: {', '.join(View)}", required=True),
        Parameter("zone", Kind.STRING, "only hosts of this zone (id or name)"),
        Parameter("host", Kind.STRING, "only this host (id or name)"),
        Parameter("vni", Kind.INTEGER, "only this VNI"),
        Parameter("mac", Kind.STRING, "only this MAC, or the segments that know it"),
        Parameter("vm", Kind.STRING, "only this machine's MACs, or its segments (id or name)"),
        Parameter("network", Kind.STRING, "only this network's VNI (id or name)"),
        Parameter("limit", Kind.INTEGER, f"most rows in the answer; 1000 unless given, at most {MOST}"),
    )
    answer = fields(
        """
view string what is shown
hosts integer how many hosts were asked
total integer how many rows there are, those left off included
row list the rows, host by host; what differs is left off last
drift list how many of all rows are not simply as wanted
silent list hosts that did not answer
note list what hosts say besides
""",
        row=fields("""
host string the host
vni integer the VNI
device string the network device
bridge string the bridge
kind string of a device its kind; of an FDB entry static, permanent, learnt, local; of a VTEP own, remote, group
mac string the MAC
vtep string the tunnel end point; of a VXLAN device its own
udp_port integer UDP port
mtu integer MTU, bytes
up boolean whether the link is up
tables string where an FDB entry stands: vxlan, bridge, vxlan+bridge
flags list what is switched on
ports integer ports on the bridge besides the VXLAN device; of a bridge all
macs integer MACs in the device's FDB; of a VTEP entries that lead to it
vteps integer VTEPs that get copies of BUM frames
vnis integer VNIs with this VTEP
neighbours integer addresses answered for
nic string the NIC's id
drift string missing, extra, wrong, foreign; left out: as wanted
detail string what is wanted instead, or why
network string the network
account string whose it is
project string in place of an account, the project it belongs to
domain string the owner's domain
vm string the machine
remote_host string the host that has the VTEP
"""),
        drift=fields("drift string missing, extra, wrong or foreign\ncount integer how many"),
        silent=fields("host string the host\nwhy string the reason"),
        note=fields("host string the host\nnote string what it says"),
    )
    example = "vxloomShow view=fdb vni=5001"

    def run(self, call: Call) -> Fields:
        """Return one view of all hosts; takes as long as the slowest host, 15 s at most for every 32 of them."""
        with call.read() as rx:
            asked = _asked(call, rx)
        live = call.fleet.live()
        folding = Folding(asked.query.limit)
        silent: list[Fields] = []
        notes: list[Fields] = []
        about = msgspec.json.encode(asked.query)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="vxloom-show") as threads:
            for host, told in zip(asked.hosts, threads.map(lambda host: _ask(call, host, live, about), asked.hosts), strict=True):
                if isinstance(told, str):
                    silent.append({"host": host.name, "why": told})
                    continue
                folding.add(told, host.name)
                if told.note:
                    notes.append({"host": host.name, "note": told.note})
        return one(
            "show",
            {
                "view": str(asked.query.view),
                "hosts": len(asked.hosts),
                "total": folding.total,
                "row": _named(call, asked.hosts, folding),
                "drift": [{"drift": str(drift), "count": count} for drift, count in folding.drift.items()],
                "silent": silent,
                "note": notes,
            },
        )


def _asked(call: Call, rx: ReadTransaction) -> _Asked:
    """Return what is wanted; raises :class:`RequestError` 431 for what is not there, or has no VNI."""
    given = call.arguments
    try:
        view = View(given.need("view").lower())
    except ValueError as error:
        raise RequestError(f"There is no view {given.need('view')[:80]}", remedy=f"give one of {', '.join(View)}") from error
    limit = given.number("limit") or 1000
    if not 0 < limit <= MOST:
        raise RequestError(f"limit {limit} is not between 1 and {MOST}", remedy="narrow the view with vni, mac, vm, network or host")
    vnis: set[int] | None = None if (number := given.number("vni")) is None else {parse_vni(number)}
    macs: set[str] | None = None if (mac := given.filled("mac")) is None else {format_mac(parse_mac(mac))}
    zones = {called(rx, records.Zone, name, "zone").id} if (name := given.filled("zone")) else None
    if name := given.filled("network"):
        network = called(rx, records.Network, name, "network")
        vnis, zones = _both(vnis, _vnis([network])), _both(zones, {network.zone})
    if name := given.filled("vm"):
        machine = called(rx, records.Vm, name, "vm")
        nics = rx.all(records.Nic, vm=machine.id)
        vnis, zones = _both(vnis, _vnis(rx.all(records.Network, id=[nic.network for nic in nics]))), _both(zones, {machine.zone})
        macs = _both(macs, {nic.mac for nic in nics}) if view in _OF_MACHINES else macs
    hosts = [called(rx, records.Host, name, "host")] if (name := given.filled("host")) else select(rx, records.Host, {}, order="name")
    known = [host for host in hosts if host.hypervisor != records.Hypervisor.SIMULATOR and (zones is None or host.zone in zones)]
    return _Asked(Query(view, None if vnis is None else tuple(sorted(vnis)), None if macs is None else tuple(sorted(macs)), limit), known)


def _both(known: set[Item] | None, more: set[Item]) -> set[Item]:
    return more if known is None else known & more


def _vnis(networks: Sequence[records.Network]) -> set[int]:
    found = {network.vni for network in networks if network.vni is not None and network.broadcast_scheme == "vxlan"}
    if not found:
        raise RequestError("It has no VNI now", remedy="a network gets its VNI with its first machine")
    return found


def _ask(call: Call, host: records.Host, live: frozenset[str], about: bytes) -> Shown | str:
    """Return a host's answer, or why there is none."""
    if host.id not in live:
        return "its agent has no stream to the server"
    try:
        return msgspec.json.decode(call.fleet.ask(host.id, SHOW, PATIENCE, about), type=Shown)
    except TransportError as error:
        return str(error)
    except msgspec.DecodeError:
        return "it does not know the question: upgrade its agent"


def _named(call: Call, hosts: Sequence[records.Host], folding: Folding) -> list[Fields]:
    zones = {host.name: host.zone for host in hosts}
    rows = folding.rows
    with call.read() as rx:
        names = {zone: names_of(rx, zone, [row for row in rows if zones[row.host] == zone]) for zone in sorted(set(zones.values()))}
    return [msgspec.to_builtins(names[zones[row.host]].name(row)) for row in rows]

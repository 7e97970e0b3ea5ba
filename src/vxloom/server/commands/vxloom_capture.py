"""vxloomCapture."""

from __future__ import annotations

import base64

import msgspec

from vxloom.errors import ConfigError, RequestError, TransportError
from vxloom.model.capture import FAR, Captured, CaptureOrder, Known, checked
from vxloom.model.wire import CAPTURE
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.lifecycle.naming import named
from vxloom.server.parameters import Arguments, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import Fold, ReadTransaction, records

PATIENCE = 20.0
"""Seconds an agent has beside those of the capture, to begin and to send."""


class VxloomCapture(Command):
    """Has a host capture its tunnel packets, and returns them. vxloom's own; changes nothing on the host.

    Who captured where is an event: guests' packets are seen. Nothing is decoded on the host or here; ``vxloom capture`` does that.
    """

    name = "vxloomCapture"
    parameters = (
        Parameter("id", Kind.UUID, "the host", related="listHosts"),
        Parameter("name", Kind.STRING, "the host's name, instead of id"),
        Parameter("vni", Kind.INTEGER, "only this VNI"),
        Parameter("virtualmachine", Kind.STRING, "only frames from, to, or for all in the networks of this machine; its id or name"),
        Parameter("seconds", Kind.INTEGER, f"when it ends; 10 when not given, {FAR.seconds:.0f} at the most"),
        Parameter("packets", Kind.INTEGER, f"after how many it ends; {FAR.packets} at the most"),
        Parameter("size", Kind.INTEGER, f"bytes kept: the oldest packets make room; {FAR.size} at the most"),
        Parameter("snap", Kind.INTEGER, "bytes kept of each packet; 256 when not given"),
        Parameter("device", Kind.STRING, "where; the device that carries the tunnels when not given"),
    )
    answer = fields(
        """
hostid string the host's id
hostname string its name
device string where it was captured
pcap string the packets, a pcap file in Base64
packets integer how many there are
pushedout integer how many made room for later ones
dropped integer how many the kernel could not keep
seconds float how long it took
ended string what ended it: seconds, packets, interrupted, or what tcpdump said
vni list what was asked for: only these VNIs
mac list only frames from or to these
vtep string the host's own tunnel end point
port integer UDP port of its tunnels
vteps list all tunnel end points of its segments
vnisknown boolean whether the host knows its segments
membersknown boolean whether it knows their members
segment list its segments
""",
        segment=fields("""
vni integer the VNI
member list places in vteps, from 0
"""),
    )
    example = "vxloomCapture name=h1 seconds=5"

    def run(self, call: Call) -> Fields:
        """Return the packets; raises 431 for what is out of bounds, 534 when the host does not answer or does not know how."""
        with call.read() as rx:
            host = named(rx, records.Host, call.arguments, "id", "name")
            order = _order(rx, call.arguments)
        with call.write() as tx:
            call.event(tx, "HOST.CAPTURE", f"Captured tunnel packets on host {host.name}", "Host", host.id)
        try:
            body = call.fleet.ask(host.id, CAPTURE, order.seconds + PATIENCE, msgspec.json.encode(order))
        except TransportError as error:
            raise TransportError(error.message.replace(host.id, host.name), remedy=error.remedy) from error
        try:
            captured = msgspec.json.decode(body, type=Captured)
        except msgspec.DecodeError as error:
            raise RequestError(
                f"Host {host.name} does not know how to capture", code=534, cs_code=4250, remedy="upgrade its agent"
            ) from error
        return one("capture", {"hostid": host.id, "hostname": host.name, **_told(captured)})


def _order(rx: ReadTransaction, given: Arguments) -> CaptureOrder:
    numbers = {name: number for name in ("seconds", "packets", "size", "snap") if (number := given.number(name)) is not None}
    vni = given.number("vni")
    vnis, macs = {vni} if vni is not None else set[int](), set[str]()
    if machine := given.filled("virtualmachine"):
        found = rx.all(records.Vm, id=machine) or rx.all(records.Vm, name=Fold(machine), limit=2)
        if len(found) > 1:
            raise RequestError(f"Several machines are called {machine[:80]}", remedy="give the id")
        wanted = found[0] if found else owners.fetch(rx, records.Vm, machine, "virtualmachine")
        nics = rx.all(records.Nic, vm=wanted.id)
        if not nics:
            raise RequestError(f"Machine {wanted.name} has no NIC", remedy="give vni")
        macs = {nic.mac for nic in nics}
        networks = [rx.get(records.Network, nic.network) for nic in nics] if not vnis else []
        vnis |= {network.vni for network in networks if network is not None and network.vni is not None}
    order = CaptureOrder(device=given.filled("device") or "", vnis=tuple(sorted(vnis)), macs=tuple(sorted(macs)))
    try:
        return checked(msgspec.structs.replace(order, **numbers), FAR)
    except ConfigError as error:
        raise RequestError(error.message, remedy=error.remedy) from error


def _told(captured: Captured) -> Fields:
    known: Known = captured.known
    return {
        "device": captured.device,
        "pcap": base64.b64encode(captured.pcap).decode(),
        "packets": captured.packets,
        "pushedout": captured.pushed_out,
        "dropped": captured.dropped,
        "seconds": captured.seconds,
        "ended": captured.ended,
        "vni": list(captured.order.vnis),
        "mac": list(captured.order.macs),
        "vtep": known.vtep,
        "port": known.port,
        "vteps": list(known.vteps),
        "vnisknown": known.segments is not None,
        "membersknown": known.members,
        "segment": [{"vni": vni, "member": list(places)} for vni, places in (known.segments or {}).items()],
    }

"""What this host's kernel holds about two NICs: all input and output of ``why`` on a host is here. Changes nothing."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from vxloom.agent.facts import host_name
from vxloom.agent.held import Word
from vxloom.agent.reconcile import Reconciler, Target
from vxloom.agent.statefile import StateFile
from vxloom.dataplane.host import HostDataplane
from vxloom.dataplane.linuxbridge.observe import get_links
from vxloom.dataplane.netlink import NetlinkSocket, link_get, parse_links
from vxloom.doctor.crossing import routes, walls_of
from vxloom.doctor.evidence import Process, Route
from vxloom.doctor.gather import agent_process
from vxloom.doctor.why.evidence import Device, Sight, cut
from vxloom.errors import DataplaneError, PrepareError
from vxloom.hypervisor.external import ExternalSource
from vxloom.model.host import PortDocument, decode_ports, encode_port, tap_name
from vxloom.model.intent import GuestSource
from vxloom.model.pair import Pair
from vxloom.model.state import bridge_name, vxlan_name
from vxloom.planner.plan import Obstacle, Scope
from vxloom.prepare.machine import Machine
from vxloom.settings import AgentSettings

_DOWN = frozenset({2, 3})
"""RFC 2863: down, lower layer down. "unknown" is what most software devices say of themselves."""
Answer = TypeVar("Answer")


def gather(settings: AgentSettings, pair: Pair, *, agent: Process | None = None) -> Sight:
    """Return what is known here. ``agent`` None: its process is looked for. Raises ``DataplaneError`` when nothing can be read."""
    machine, unknown = Machine(), dict[str, str]()
    held, _ = StateFile(settings.state_dir).load(only=frozenset({pair.vni}))
    word = held.effective()
    document = word.document
    ports = _ports(pair, word)
    taps = {place: ports[place].tap if place in ports else tap_name(pair.ends[place].nic) for place in pair.here}
    if document is not None:
        document = msgspec.structs.replace(document, ports=tuple(map(encode_port, ports.values())))

    def ask(what: str, question: Callable[[], Answer], otherwise: Answer) -> Answer:
        try:
            return question()
        except (OSError, ValueError, DataplaneError, PrepareError) as error:
            unknown[what] = str(error)
            return otherwise

    dataplane = HostDataplane()
    try:
        target = Target(Word(document, word.tables), prune=False)
        plan, wanted, seen, _ = Reconciler(dataplane, {}).plan(target, Scope(frozenset({pair.vni}), frozenset(taps.values())))
    finally:
        dataplane.close()
    mine, other = pair.ends[pair.here[0]], pair.ends[1 - pair.here[0]]
    port = document.udp_port if document is not None else 4789
    route = Route()
    if not pair.together and other.vtep:
        route = ask("route", lambda: routes(machine, [other.vtep]).get(other.vtep, Route()), Route())
    names = {*taps.values(), bridge_name(pair.vni), vxlan_name(pair.vni), route.device} - {""}
    family: Literal[4, 6] = 6 if ipaddress.ip_address(mine.vtep or "0.0.0.0").version == 6 else 4  # noqa: S104 - no address to listen on
    return Sight(
        host=mine.host or host_name(settings),
        seen=cut(seen, pair, taps),
        wanted=cut(wanted, pair, taps),
        taps=taps,
        udp_port=port,
        devices=ask("devices", lambda: _devices(names), {}),
        vtep_here=ask("addresses", lambda: _is_here(mine.vtep), otherwise=True),
        route=route,
        walls=ask("firewall", lambda: walls_of(machine, route.device, family, port), ()) if route.device else (),
        obstacles={obstacle.resource[1]: _told(obstacle) for obstacle in plan.obstacles},
        agent=agent or ask("agent", lambda: agent_process(Path("/proc")), Process.RUNS),
        holding=held.holding,
        unknown=unknown,
    )


def _ports(pair: Pair, word: Word) -> Mapping[int, PortDocument]:
    """Return the documents of those of the two who live here, each with its real tap."""
    if word.document is None:
        return {}
    nics = {pair.ends[place].nic: place for place in pair.here}
    found = {nics[port.nic]: port for port in decode_ports(word.document)[0] if port.nic in nics}
    for place, port in found.items():
        if port.source is GuestSource.EXTERNAL:
            (plug,) = ExternalSource().ensure([port], {})
            found[place] = msgspec.structs.replace(port, tap=plug.tap)
    return found


def _devices(names: Iterable[str]) -> dict[str, Device]:
    with NetlinkSocket(receive_buffer=1 << 18) as sock:
        links = get_links(sock, names)
        masters = {link.master for link in links.values()} - {0}
        known = {link.index: link.name for link in parse_links(sock.get([link_get(index) for index in sorted(masters)])[0])}
    return {
        name: Device(up=link.up, carrier=link.operstate not in _DOWN, mtu=link.mtu, bridge=known.get(link.master, ""))
        for name, link in links.items()
    }


def _is_here(address: str) -> bool:
    """Tell whether this host has an address: only then a socket binds to it (unless ``ip_nonlocal_bind`` lets it, which is rarely on)."""
    if not address:
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return False
            raise
    return True


def _told(obstacle: Obstacle) -> str:
    return f"{obstacle.slot[1]} is held by {obstacle.holder.name} ({obstacle.holder.detail})"

"""Evidence of this host: what is asked of the kernel, of /proc and of the agent's files, here and in ``crossing`` and ``sightings``.

Changes nothing.
"""

from __future__ import annotations

import ipaddress
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

from vxloom.agent import contact
from vxloom.agent.facts import host_name, underlay
from vxloom.agent.hardware import once
from vxloom.agent.held import Word as Held
from vxloom.agent.reconcile import Reconciler, Target
from vxloom.agent.statefile import NOTHING_SAVED, StateFile
from vxloom.dataplane.host import HostDataplane
from vxloom.dataplane.linuxbridge.links import is_ours
from vxloom.dataplane.linuxbridge.observe import Kernel
from vxloom.dataplane.netlink import Link
from vxloom.doctor import crossing
from vxloom.doctor.digests import segment_digests
from vxloom.doctor.evidence import Crossing, Device, Foreign, HostEvidence, Port, Process, Word
from vxloom.doctor.foreign import foreign
from vxloom.doctor.sightings import sightings
from vxloom.errors import ConfigError, DataplaneError, PrepareError
from vxloom.hypervisor.external import LOOKING
from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.host import decode_ports
from vxloom.model.state import Bridge, HostState
from vxloom.planner.plan import ALL, Plan
from vxloom.prepare.machine import Machine
from vxloom.settings import AgentSettings

_SYSCTLS = (
    "net.ipv4.igmp_max_memberships",
    "net.ipv4.neigh.default.gc_thresh3",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
)
_SPELL = 0.25
"""Seconds over which a storm is looked at, at least."""
Answer = TypeVar("Answer")


class _Gathering:
    """One look at one host; a question that fails is noted and the rest is asked."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.unknown: dict[str, str] = {}

    def ask(self, what: str, question: Callable[[], Answer], otherwise: Answer) -> Answer:
        try:
            return question()
        except (OSError, ValueError, DataplaneError, ConfigError, PrepareError) as error:
            self.unknown[what] = str(error)
            return otherwise


def gather(settings: AgentSettings, machine: Machine | None = None) -> HostEvidence:
    """Return what is known of this host. Raises ``DataplaneError`` when not even its devices can be read (run it as root)."""
    gathering = _Gathering(machine or Machine())
    held, trouble = StateFile(settings.state_dir).load()
    word = held.effective()
    dataplane = gathering.ask("filters", lambda: HostDataplane(keep=True), None) or HostDataplane(filters=False, keep=True)
    storms: Mapping[str, float] = {}
    began, before = time.monotonic(), gathering.ask("storms", dataplane.storms, dict[str, int]())
    try:
        plan, desired, observed = _compared(dataplane, Target(word))
        echoes = gathering.ask("loops", dataplane.echoes, dict[tuple[str, str], int]())
        storms = gathering.ask("storms", lambda: _rates(dataplane.storms, began, before), storms)
    finally:
        dataplane.close()
    told = _word(word)
    managed = told is not None or settings.state_dir.exists()
    kernel = dataplane.kernel or Kernel.nothing()
    devices = _devices(kernel.links)
    here: Mapping[str, str] = gathering.ask("addresses", lambda: crossing.addresses(gathering.machine), {})
    ours = {resource.name for resource in desired.resources.values() if isinstance(resource, Bridge)}
    amiss = bool(plan.steps or observed.strays)  # else no port and no row of ours is other than it should be
    others = None if managed else gathering.ask("tunnels of others", lambda: foreign(gathering.machine, devices), Foreign())
    remotes = {*(told.remotes if told else ()), *(remote for each in (others.remotes.values() if others else ()) for remote in each)}
    return HostEvidence(
        host=host_name(settings),
        word=told,
        desired=desired,
        observed=observed,
        plan=plan,
        doubt=trouble or held.doubt if trouble != NOTHING_SAVED else "",
        holding=held.holding,
        agent=gathering.ask("agent", lambda: agent_process(Path("/proc")), None) if managed else None,
        no_stream=contact.found(settings.run_dir).problem,
        devices=devices,
        sightings=gathering.ask("bridges", lambda: sightings(devices, ours), ()) if amiss else (),
        addresses=here,
        routes=gathering.ask("routes", lambda: crossing.routes(gathering.machine, remotes), {}),
        crossing=_crossing(gathering, told, here, devices) if told else Crossing(),
        sysctls={key: int(value) for key in _SYSCTLS if (value := gathering.machine.sysctl(key)) is not None and value.isdigit()},
        multicast_groups=gathering.ask("multicast groups", lambda: memberships(gathering.machine.read("/proc/net/igmp") or ""), {}),
        neighbours=gathering.ask("neighbours", lambda: _entries(gathering.machine.read("/proc/net/stat/arp_cache") or ""), 0),
        conntrack=_conntrack(gathering.machine),
        storms=storms,
        echoes=echoes,
        state_dir=str(settings.state_dir),
        state_free=gathering.ask("state", lambda: shutil.disk_usage(settings.state_dir).free, None) if managed else None,
        segments=gathering.ask("segments", lambda: segment_digests(word, kernel), {}),
        foreign=others,
        hardware=gathering.ask("hardware", lambda: once.look(underlay(settings) or _below(devices)), None),
        unknown=gathering.unknown,
    )


def _compared(dataplane: HostDataplane, target: Target) -> tuple[Plan, HostState, HostState]:
    """Return what would make observed as desired, and both."""
    reconciler = Reconciler(dataplane, LOOKING)
    reconciler.plug(target, ALL)
    return reconciler.plan(target, ALL)[:3]


def _crossing(gathering: _Gathering, word: Word, addresses: Mapping[str, str], devices: Mapping[str, Device]) -> Crossing:
    card = devices.get(addresses.get(word.vtep, ""))
    if card is None:  # the address is gone: that is the finding
        return Crossing()
    machine, ask = gathering.machine, gathering.ask
    return Crossing(
        walls=ask("firewall", lambda: crossing.walls_of(machine, card.name, 6 if ":" in word.vtep else 4, word.udp_port), ()),
        claimants=ask("who else has its VTEP", lambda: crossing.rivals(word.vtep, card, devices.values()), ()),
        reverse_path=ask("rp_filter", lambda: crossing.reverse_path(machine, card.name), 0),
        reverse_path_drops=ask("rp_filter", lambda: crossing.reverse_path_drops(machine.read("/proc/net/netstat") or ""), 0),
    )


def _word(word: Held) -> Word | None:
    document = word.document
    if document is None:
        return None
    needed = {need.vni for need in document.segments}
    members = (table.members[table.members["host"] != document.number] for vni, table in word.tables.items() if vni in needed)
    remotes = {str(unpack_ip(int(row["hi"]), int(row["lo"]))) for rows in members for row in rows}
    networks = {vni: table.head.name for vni, table in word.tables.items()}
    ports = {
        each.tap: Port(each.nic, each.mac, each.vm, each.vm_name, each.vni, networks.get(each.vni, ""))
        for each in decode_ports(document)[0]
    }
    return Word(document.vtep, document.udp_port, frozenset(remotes - {document.vtep}), ports)


def _rates(read: Callable[[], Mapping[str, int]], began: float, before: Mapping[str, int]) -> Mapping[str, float]:
    """Return by how much counts grow a second; what does not grow is left out. Waits a moment only where something was counted ever."""
    if any(before.values()):
        time.sleep(max(0.0, began + _SPELL - time.monotonic()))
    now = read()
    seconds = time.monotonic() - began
    return {name: (count - before[name]) / seconds for name, count in now.items() if count > before.get(name, count)}


def _devices(links: Collection[Link]) -> Mapping[str, Device]:
    names = {link.index: link.name for link in links}
    found: dict[str, Device] = {}
    for link in links:
        vxlan = link.vxlan
        group = unpack_ip(vxlan.remote_hi, vxlan.remote_lo) if vxlan and (vxlan.remote_hi or vxlan.remote_lo) else None
        found[link.name] = Device(
            link.name,
            link.mtu,
            link.up,
            link.kind,
            index=link.index,
            mac=format_mac(link.mac),
            master=names.get(link.master, ""),
            vni=vxlan.vni if vxlan else None,
            udp_port=vxlan.port if vxlan else 0,
            local=_address(vxlan.local_hi, vxlan.local_lo) if vxlan else "",
            lower=names.get(vxlan.lower, "") if vxlan else "",
            group=str(group) if group is not None and group.is_multicast else "",
            ours=is_ours(link),
            peer=names.get(link.lower, "") if link.kind == "veth" and link.netnsid < 0 else "",
        )
    return found


def _below(devices: Mapping[str, Device]) -> list[str]:
    """Return what tunnels stand on, whoever made them."""
    return sorted({each.lower for each in devices.values() if each.lower})


def _address(high: int, low: int) -> str:
    return str(unpack_ip(high, low)) if high or low else ""


def memberships(text: str) -> dict[str, frozenset[str]]:
    """Return device → IPv4 groups that something on this host asked for, from /proc/net/igmp."""
    found: dict[str, set[str]] = {}
    device = ""
    for line in text.splitlines()[1:]:
        if not line.startswith(("\t", " ")):
            device = line.split("\t")[1].rstrip(": ").split()[0]
        elif line.split():
            group = ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(line.split()[0])[::-1], "big"))
            if group != ipaddress.IPv4Address("224.0.0.1"):  # every device is in it, and no socket asked
                found.setdefault(device, set()).add(str(group))
    return {name: frozenset(groups) for name, groups in found.items()}


def _entries(text: str) -> int:
    lines = text.splitlines()
    return int(lines[1].split()[0], 16) if len(lines) > 1 else 0


def _conntrack(machine: Machine) -> tuple[int, int] | None:
    count, most = (machine.sysctl(f"net.netfilter.nf_conntrack_{name}") for name in ("count", "max"))
    return (int(count), int(most)) if count and most and int(most) else None


def agent_process(proc: Path) -> Process:
    """Return how the agent's process stands that runs in this network namespace."""
    here = (proc / "self" / "ns" / "net").readlink()
    states: list[str] = []
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if _is_agent(words) and (folder / "ns" / "net").readlink() == here:
                states.append((folder / "stat").read_text().rpartition(")")[2].split()[0])
        except OSError:  # it has ended
            continue
    if not states:
        return Process.GONE
    return Process.FROZEN if all(state in "Tt" for state in states) else Process.RUNS


def _is_agent(words: list[bytes]) -> bool:
    """Tell a command line that runs the agent: the program's name, or an interpreter and the program, then ``agent``."""
    for place, word in enumerate(words[:-1]):
        if word.rpartition(b"/")[2] == b"vxloom" and words[place + 1] == b"agent":
            return b"--observe" not in words
    return False

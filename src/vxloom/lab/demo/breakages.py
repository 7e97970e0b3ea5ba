"""The doctor's demonstration: ten things are broken, one after another; exactly that is to be found, and nothing after its cure.

Everything is asked as an operator asks it: ``vxloom doctor`` on the management node, ``vxloom doctor --host`` on a hypervisor.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from vxloom.doctor.finding import Finding
from vxloom.errors import VxloomError
from vxloom.lab import cloud, faults, topology
from vxloom.lab.lab import Lab
from vxloom.lab.services import AGENT, SERVER, await_server

SETTLES: Final = 10.0
"""Seconds in which what was broken must be told of, and what was cured be forgotten."""
CLOUD: Final = (topology.MANAGEMENT, "vxloom doctor")
PATHS: Final = (topology.MANAGEMENT, "vxloom doctor --paths")

Names = Mapping[str, str]
"""What is known when the lab is up: ``vni``, and the MAC of the guest on each host."""


@dataclass(frozen=True, slots=True)
class Breakage:
    """One thing that goes wrong."""

    title: str
    faults: tuple[str, ...]
    """As typed after ``vxloom lab fault``; ``{vni}`` and ``{h1}`` stand for the network's VNI and the MAC of the guest on h1."""
    look: tuple[str, str]
    """The node, and the command that is to name it."""
    expected: Mapping[str, str]
    """Host → code of the one finding there."""
    cure: Callable[[Lab], Iterator[str]]
    """Does what the finding says; yields each command."""
    explains: frozenset[str] = frozenset()
    """Codes that stand below it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault was caused: the commands that did it."""

    number: int
    breakage: Breakage
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What the doctor told while it lasted."""

    findings: tuple[Finding, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Cured:
    """What was done about it, and what the doctor told then."""

    commands: tuple[str, ...]
    left: tuple[Finding, ...]
    seconds: float
    """Since it was broken."""


Step = Broken | Told | Cured


def prepare(lab: Lab) -> Names:
    """Make a zone, its hosts and a network with a guest on each. Raises :class:`VxloomError`, also when the doctor finds something yet."""
    lab.start_server()
    api = cloud.client(lab)
    zone = cloud.make_zone(api)
    cloud.join_hosts(lab, api, zone)
    hosts = {str(host["name"]): str(host["id"]) for host in cloud.objects(api, "listHosts", "host", type="Routing")}
    network = cloud.make_network(api, "web", zone, gateway="10.1.1.1", netmask="255.255.255.0")
    names: dict[str, str] = {}
    for number, (name, host) in enumerate(sorted(hosts.items()), 11):
        machine = cloud.deploy(api, f"web-{name}", zone, str(network["id"]), host, f"10.1.1.{number}")
        (nic,) = msgspec.convert(machine["nic"], list[dict[str, object]])
        names[name] = str(nic["macaddress"])
    (made,) = cloud.objects(api, "listNetworks", "network", id=network["id"])
    if found := look(lab, PATHS):
        raise VxloomError(f"the doctor finds {found[0].code} on {found[0].host} before anything was broken")
    return names | {"vni": str(made["broadcasturi"]).removeprefix("vxlan://")}


def play(lab: Lab, names: Names) -> Iterator[Step]:
    """Break, look, cure and look again, ten times."""
    for number, breakage in enumerate(BREAKAGES, 1):
        started = time.monotonic()
        commands = [fault.format(**names) for fault in breakage.faults]
        for command in commands:
            faults.cause(lab, *command.split())
        yield Broken(number, breakage, tuple(f"vxloom lab fault {command}" for command in commands))
        found = _awaited(lab, breakage.look, lambda found, wanted=breakage: named(wanted, found))  # type: ignore[misc]
        yield Told(found, named(breakage, found))
        done = tuple(breakage.cure(lab))
        yield Cured(done, _awaited(lab, breakage.look, lambda found: not found), time.monotonic() - started)


def named(breakage: Breakage, found: tuple[Finding, ...]) -> bool:
    """Tell whether exactly what was broken was found."""
    below = {text.split()[0] for finding in found for text in finding.explains}
    hosts = {finding.host for finding in found}
    return hosts == breakage.expected.keys() and below == breakage.explains and all(breakage.expected[f.host] == f.code for f in found)


def look(lab: Lab, place: tuple[str, str]) -> tuple[Finding, ...]:
    """Ask the doctor. Raises :class:`VxloomError` when it has no answer."""
    node, command = place
    done = lab.node(node).run([*command.split(), "--output", "json"], check=False, timeout=120)
    try:
        return tuple(msgspec.convert(json.loads(done.stdout)["finding"], list[Finding]))
    except (ValueError, KeyError):
        raise VxloomError(f"{node}: {command}: exit {done.returncode}: {done.stderr.strip()[-500:]}") from None


def _awaited(lab: Lab, place: tuple[str, str], good: Callable[[tuple[Finding, ...]], bool]) -> tuple[Finding, ...]:
    """Look until it is good: a server has to miss a host first, and an agent to come back."""
    deadline = time.monotonic() + SETTLES
    while not good(found := look(lab, place)) and time.monotonic() < deadline:
        pass  # a look takes its time
    return found


# ------------------------------------------------------------------------------------------------------------------ cures


def _run(lab: Lab, node: str, command: str) -> str:
    lab.node(node).run(command.split())
    return f"{node}# {command}"


def _raise_mtu(lab: Lab) -> Iterator[str]:
    size = lab.spec.mtu
    yield _run(lab, topology.ROUTER, f"ip link set {lab.node('h1').spec.router_link} mtu {size}")
    yield _run(lab, "h1", f"ip link set eth0 mtu {size}")


def _open_the_way(lab: Lab) -> Iterator[str]:
    yield _run(lab, topology.ROUTER, "nft delete table inet lab-faults")


def _thaw(node: str) -> Callable[[Lab], Iterator[str]]:
    def cure(lab: Lab) -> Iterator[str]:
        lab.send_signal(node, AGENT, signal.SIGCONT)
        yield f"{node}# kill -CONT AGENT"

    return cure


def _start_agent(node: str) -> Callable[[Lab], Iterator[str]]:
    def cure(lab: Lab) -> Iterator[str]:
        lab.restart(node, AGENT)
        yield f"{node}# vxloom agent --config /etc/vxloom/agent.toml"

    return cure


def _start_server(lab: Lab) -> Iterator[str]:
    lab.restart(topology.MANAGEMENT, SERVER)
    await_server(lab)
    yield f"{topology.MANAGEMENT}# vxloom server --data /var/lib/vxloom/server"


def _join_more(lab: Lab) -> Iterator[str]:
    yield _run(lab, "h1", "sysctl -w net.ipv4.igmp_max_memberships=4096")
    yield _run(lab, "h1", "ip link set lab-mc3 up")


def _make_room(lab: Lab) -> Iterator[str]:
    faults.heal(lab)
    yield "vxloom lab fault heal"


def _host(node: str) -> tuple[str, str]:
    return node, "vxloom doctor --host"


BREAKAGES: Final = (
    Breakage("The link of a host carries too little", ("mtu h1 1400",), CLOUD, {"h1": "underlay-mtu-low"}, _raise_mtu),
    Breakage(
        "Large packets to one host vanish, and no router says so",
        ("hole h2 1437",),
        PATHS,
        {"h1": "path-mtu-hole", "h3": "path-mtu-hole"},
        _open_the_way,
    ),
    Breakage(
        "A firewall on the way to a host closes the tunnels' port",
        ("closed h3 4789",),
        PATHS,
        dict.fromkeys(("h1", "h2"), "path-closed"),
        _open_the_way,
    ),
    Breakage(
        "Two hosts cannot reach each other, everybody else can",
        ("partition h1 h2",),
        PATHS,
        dict.fromkeys(("h1", "h2"), "path-closed"),
        _open_the_way,
    ),
    Breakage(
        "An agent is frozen, and somebody deletes a forwarding row that it would put back",
        ("freeze-agent h3", "fdb-del h3 {h1}"),
        _host("h3"),
        {"h3": "agent-frozen"},
        _thaw("h3"),
        frozenset({"fdb-missing"}),
    ),
    Breakage(
        "An agent died, and a VXLAN device with its rows after it",
        ("kill-agent h2", "device-del h2 {vni}"),
        _host("h2"),
        {"h2": "agent-stopped"},
        _start_agent("h2"),
        frozenset({"device-missing", "fdb-missing", "flood-missing"}),
    ),
    Breakage("An agent died, seen from the management server", ("kill-agent h2",), CLOUD, {"h2": "host-away"}, _start_agent("h2")),
    Breakage("The management server died", ("kill-server",), _host("h1"), {"h1": "server-away"}, _start_server),
    Breakage("More multicast groups than the host may join", ("igmp-limit h1",), CLOUD, {"h1": "igmp-limit"}, _join_more),
    Breakage("The disk that holds an agent's state is full", ("state-full h2",), CLOUD, {"h2": "state-disk-full"}, _make_room),
)

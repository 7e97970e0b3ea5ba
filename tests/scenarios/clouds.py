"""A cloud for scenarios: a lab with server and agents, networks and guests through the API, and guests' cables in the test's own hands."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import cast

from tests.kernel.frames import Cable
from tests.kernel.netns import Netns
from vxloom.errors import RequestError
from vxloom.lab import Lab, cloud
from vxloom.lab.cloud import Api, Object, call, objects
from vxloom.lab.demo.probes import Stream, filters_text
from vxloom.lab.node import Node, Place
from vxloom.model.host import tap_name


class Room(Netns):
    """A namespace that is there already: a node's, or a guest's pinned on it. Entered by the calling thread."""

    def __init__(self, place: Node, guest: str = "") -> None:
        path = f"/proc/{place.holder}/root/run/netns/{guest}" if guest else f"/proc/{place.holder}/ns/net"
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def cable(room: Room, link: str) -> Iterator[Cable]:
    """A raw socket on a link of that namespace; the calling thread itself stays where it is."""
    with room, room.entered():
        made = Cable(link)
    with made:
        yield made


@dataclass(frozen=True, slots=True)
class Network:
    """A network with a VNI."""

    id: str
    name: str
    vni: int

    @property
    def bridge(self) -> str:
        return f"brvx-{self.vni}"

    @property
    def vxlan(self) -> str:
        return f"vxlan{self.vni}"


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest as it was deployed."""

    lab: Lab = field(repr=False)
    name: str
    id: str
    nic: str
    host: str
    mac: str
    ip: str
    ip6: str

    @property
    def tap(self) -> str:
        return tap_name(self.nic)

    @property
    def full_name(self) -> str:
        return f"{self.name}.{self.id[:8]}"

    @property
    def node(self) -> Node:
        return self.lab.node(self.host)

    @property
    def place(self) -> Place:
        """Where commands in the guest run (while it is on the host it was deployed on)."""
        return self.node.guest(self.full_name)

    def ping(self, address: str, *, count: int = 3, wait: float = 1.0) -> bool:
        return self.place.ping(address, count=count, wait=wait)

    def cable(self) -> AbstractContextManager[Cable]:
        """A raw socket on the guest's card, as root inside it would open."""
        return cable(Room(self.node, self.full_name), "eth0")


class Cloud:
    """The running lab as its operator sees it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.api: Api = cloud.client(lab)
        self.zone = cloud.make_zone(self.api)
        self.hosts: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def join(self, *names: str) -> None:
        cloud.join_hosts(self.lab, self.api, self.zone, names)
        self.learn_hosts()

    def learn_hosts(self) -> None:
        self.hosts = {str(host["name"]): str(host["id"]) for host in self.objects("listHosts", "host", type="Routing")}

    def call(self, command: str, **parameters: object) -> dict[str, object]:
        return call(self.api, command, **parameters)

    def objects(self, command: str, kind: str, **parameters: object) -> list[Object]:
        return objects(self.api, command, kind, **parameters)

    def one(self, command: str, kind: str, **parameters: object) -> Object:
        (found,) = self.objects(command, kind, **parameters)
        return found

    def network(self, **parameters: object) -> Network:
        """An Isolated network with a VNI from the moment it has its first guest: ask :meth:`guest` for one first."""
        name = f"net{next(self._numbers)}"
        wanted = {"gateway": "10.1.1.1", "netmask": "255.255.255.0", "ip6cidr": "fd00:1::/64", "ip6gateway": "fd00:1::1"} | parameters
        made = cloud.make_network(self.api, name, self.zone, **wanted)
        return Network(str(made["id"]), name, _vni(made))

    def settled(self, network: Network) -> Network:
        """The network with the VNI it was given."""
        found = self.one("listNetworks", "network", id=network.id)
        return Network(network.id, str(found["name"]), _vni(found))

    def only_network(self) -> Network:
        """The one network there is, with its VNI."""
        return self.settled(Network(str(self.one("listNetworks", "network")["id"]), "", 0))

    def guests(self, network: Network, *hosts: str) -> list[Guest]:
        """A guest on each of these hosts, deployed at the same time; addresses 10.1.1.11, .12 and on."""
        with ThreadPoolExecutor(len(hosts)) as pool:
            return list(pool.map(lambda item: self.guest(network, item[1], f"10.1.1.{item[0]}"), enumerate(hosts, start=11)))

    def guest(self, network: Network, host: str, address: str, **parameters: object) -> Guest:
        """A guest on a host, once every host concerned has acknowledged."""
        made = self.deploy(network, host, address, **parameters)
        assert "pendinghosts" not in made, made["pendinghosts"]
        (nic,) = cast("list[Object]", made["nic"])
        words = (str(value) for value in (made["name"], made["id"], nic["id"], host, nic["macaddress"], nic["ipaddress"]))
        return Guest(self.lab, *words, str(nic.get("ip6address", "")))

    def deploy(self, network: Network, host: str, address: str, **parameters: object) -> Object:
        """Deploy a guest and return what the job says. Raises ``RequestError`` when it failed."""
        return cloud.deploy(self.api, f"vm{next(self._numbers)}", self.zone, network.id, self.hosts[host], address, **parameters)

    def ask(self, command: str, **parameters: object) -> Object:
        """Ask for something without waiting for its job: what comes back at once, with the job's id."""
        return cast("Object", getattr(self.api, command)(fetch_result=False, **parameters))

    def ended(self, given: Object) -> Object | None:
        """A job, once it has ended."""
        job = self.ask("queryAsyncJobResult", jobid=given["jobid"])
        return job if job["jobstatus"] else None

    def ask_for_guest(self, network: Network, host: str, address: str) -> Object:
        """As :meth:`deploy`, without waiting."""
        size = self.objects("listServiceOfferings", "serviceoffering")[0]["id"]
        template = self.objects("listTemplates", "template", templatefilter="executable", zoneid=self.zone)[0]["id"]
        return self.ask(
            "deployVirtualMachine",
            name=f"vm{next(self._numbers)}",
            zoneid=self.zone,
            serviceofferingid=size,
            templateid=template,
            networkids=network.id,
            hostid=self.hosts[host],
            ipaddress=address,
        )

    def state(self, vm: str) -> str:
        return str(self.one("listVirtualMachines", "virtualmachine", id=vm)["state"])

    def destroy(self, *guests: Guest) -> None:
        for guest in guests:
            self.call("destroyVirtualMachine", id=guest.id, expunge="true")

    def alerts(self, about: str = "", *, resolved: bool = False) -> list[str]:
        """Open alerts (or those that are over) as text, of those that mention ``about``."""
        found = self.objects("listAlerts", "alert", **({"resolved": "true"} if resolved else {}))
        return [text for one in found if about in (text := f"{one['name']}: {one['description']}")]

    def connected(self, host: str) -> bool:
        """Whether the host's agent answers."""
        try:
            return bool(self.plan(host))
        except RequestError:
            return False

    def plan(self, host: str) -> Object:
        return cast("Object", self.call("vxloomPlanHost", name=host)["plan"])

    def in_step(self, *hosts: str) -> bool:
        """Whether the hosts have nothing to do and hold nothing back."""
        plans = [self.plan(host) for host in hosts or self.hosts]
        return not any(plan["steps"] or plan.get("holding") for plan in plans)

    def await_hosts(self, *names: str) -> None:
        cloud.await_hosts(self.lab, self.api, names or tuple(self.hosts))


@contextmanager
def running(hypervisors: int, *, joined: int | None = None, **options: int) -> Iterator[Cloud]:
    """A lab with server and zone; every hypervisor (or the first few) joined."""
    with Lab(hypervisors=hypervisors, api_port=0, **options) as lab:
        lab.start_server()
        made = Cloud(lab)
        made.join(*(node.name for node in lab.hypervisors[:joined]))
        yield made


def stream(place: Place, address: str, interval: float = 0.02) -> Stream:
    """A ping that has had its first answer and goes on until ended."""
    return Stream(place, address, interval)


def ours(node: Node) -> str:
    """Everything in a node's kernel that could be ours, as comparable text without counters and changing times."""
    texts = [
        node.run(argv).stdout
        for argv in (
            ["ip", "-d", "-o", "link", "show"],
            ["ip", "-o", "addr", "show"],
            ["bridge", "fdb", "show"],
            ["ip", "neigh", "show", "nud", "permanent"],
        )
    ]
    texts.append(filters_text(node))
    return re.sub(r"\w*_timer +\S+|valid_lft \S+ preferred_lft \S+| tentative", "", "\n".join(texts))


def lets_in(node: Node, vni: int, vtep: str) -> bool:
    """Whether a host takes packets of a VNI from a VTEP: as nft shows the pair, two numbers, the VNI with the byte behind it."""
    return f"{vni << 8:#x} . {int(IPv4Address(vtep)):#x}" in node.run(["nft", "list", "set", "inet", "vxloom", "vteps4"]).stdout


def strangers(node: Node) -> int:
    """How many packets of strangers a host has dropped."""
    shown = node.run(["nft", "list", "counter", "inet", "vxloom", "stranger"]).stdout
    return int(shown.split("packets ")[1].split()[0])


def link_local(mac: str) -> str:
    """The address a guest makes of its MAC (RFC 4291 appendix A)."""
    number = int(mac.replace(":", ""), 16) ^ 0x0200_0000_0000
    return str(IPv6Address(0xFE80 << 112 | (number >> 24) << 40 | 0xFFFE << 24 | number & 0xFF_FFFF))


def _vni(network: Object) -> int:
    uri = str(network.get("broadcasturi") or "")
    return int(uri.removeprefix("vxlan://")) if uri.startswith("vxlan://") else 0

"""An address that two guests share by VRRP: keepalived on two hosts, watched from a third; the takeover takes under a second."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.kernel import frames
from tests.scenarios.clouds import Cloud, Guest, Network, Room, cable, stream
from tests.waiting import wait_until
from vxloom.lab.demo.probes import neighbour_mac
from vxloom.lab.node import NodeProcess

ADVERT = 0.15  # seconds; a backup waits three and a bit of them before it takes over (RFC 5798, section 6.1)
BOUND = 1.0


@dataclass(frozen=True)
class Kind:
    """One way to share an address."""

    number: int
    address: str
    prefix: int
    virtual_mac: str = ""

    @property
    def shared(self) -> str:
        return ",".join(filter(None, (self.address, self.virtual_mac)))

    def configuration(self, guest: Guest, priority: int) -> str:
        lines = [
            "global_defs {",
            f"  router_id {guest.name}",
            "  vrrp_version 3",
            "}",
            f"vrrp_instance shared{self.number} {{",
            "  state BACKUP",
            "  interface eth0",
            f"  virtual_router_id {self.number}",
            f"  priority {priority}",
            f"  advert_int {ADVERT}",
            *(("  use_vmac",) if self.virtual_mac else ()),
            "  virtual_ipaddress {",
            f"    {self.address}/{self.prefix}",
            "  }",
            "}",
        ]
        return "\n".join([*lines, ""])


KINDS = {
    "IPv4": Kind(51, "10.1.1.100", 24),
    "IPv6": Kind(52, "fd00:1::100", 64),
    "a virtual MAC": Kind(53, "10.1.1.101", 24, "00:00:5e:00:01:35"),
}


class Router:
    """A guest that runs keepalived."""

    def __init__(self, guest: Guest, kind: Kind, priority: int) -> None:
        self.guest = guest
        self._kind = kind
        self._file = f"/tmp/keepalived-{kind.number}.conf"
        self._process: NodeProcess | None = None
        guest.node.write(self._file, kind.configuration(guest, priority))
        # With a virtual MAC the shared address is on another card than the rest: the first one must not speak of it (keepalived's advice).
        guest.place.run(["sysctl", "-q", "-w", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"])

    def start(self) -> None:
        run = [f"--{name}=/run/keepalived-{self._kind.number}.{name}" for name in ("pid", "vrrp_pid")]
        argv = ["keepalived", "--dont-fork", "--dont-respawn", "--vrrp", "--log-console", f"--use-file={self._file}", *run]
        self._process = self.guest.place.popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def runs(self) -> bool:
        """It has read its configuration and takes part."""
        return bool(self.guest.node.run(["sh", "-c", f"cat /run/keepalived-{self._kind.number}.vrrp_pid"], check=False).stdout.strip())

    def holds(self) -> bool:
        return f"{self._kind.address}/" in self.guest.place.run(["ip", "-o", "addr", "show"]).stdout

    def crash(self) -> None:
        """The guest dies: its processes without a last word, its card silent."""
        node = self.guest.node
        script = f"ip netns pids {self.guest.full_name} | xargs --no-run-if-empty kill -9; ip -n {self.guest.full_name} link set eth0 down"
        node.run(["sh", "-c", script])
        if self._process is not None:
            self._process.wait(10)
            self._process = None

    def boot(self) -> None:
        """It boots again: nothing is left of the shared address."""
        name, run = self.guest.full_name, self.guest.node.run
        run(["ip", "-n", name, "addr", "del", f"{self._kind.address}/{self._kind.prefix}", "dev", "eth0"], check=False)
        run(["ip", "-n", name, "link", "del", f"vrrp.{self._kind.number}"], check=False)
        run(["ip", "-n", name, "link", "set", "eth0", "up"])
        run(["ip", "-n", name, "addr", "replace", f"{self.guest.ip6}/64", "dev", "eth0", "nodad"])

    def end(self) -> None:
        self.crash()
        self.boot()


@dataclass
class Trio:
    """A pair on h1 and h2, a watcher on h3."""

    cloud: Cloud
    network: Network
    first: Guest
    second: Guest
    watcher: Guest

    @contextmanager
    def routers(self, kind: Kind) -> Iterator[tuple[Router, Router]]:
        """A master on h1 and a backup on h2."""
        for guest in (self.first, self.second):
            self.cloud.call("allowSharedAddress", nicid=guest.nic, address=kind.shared)
        with ExitStack() as stack:
            pair = Router(self.first, kind, 150), Router(self.second, kind, 100)
            for router in pair:
                stack.callback(router.end)
            pair[0].start()
            wait_until(pair[0].holds, "the first is master", seconds=10)
            pair[1].start()
            wait_until(pair[1].runs, "the second has started", seconds=10)
            wait_until(lambda: self._is_at(kind, pair[0]) and not pair[1].holds(), "the watcher finds the first, the only one", seconds=10)
            yield pair

    def _is_at(self, kind: Kind, router: Router) -> bool:
        """Whether the watcher sends what is for the shared address to this router. A backup on a busy machine may have spoken up early."""
        self.watcher.ping(kind.address, count=1, wait=0.2)
        return neighbour_mac(self.watcher.place, kind.address) == (kind.virtual_mac or router.guest.mac)


@pytest.fixture(scope="module")
def trio(cloud: Cloud) -> Iterator[Trio]:
    made = cloud.network()
    guests = cloud.guests(made, "h1", "h2", "h3")
    yield Trio(cloud, cloud.settled(made), *guests)
    cloud.destroy(*guests)
    cloud.call("deleteNetwork", id=made.id)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_shared_address_moves_within_a_second_and_back(trio: Trio, kind: Kind) -> None:
    watcher = trio.watcher
    with trio.routers(kind) as (master, backup):
        wait_until(lambda: watcher.ping(kind.address, count=1, wait=0.2), "the master answers")
        taken_over = stream(watcher.place, kind.address)
        master.crash()
        wait_until(backup.holds, "the backup is master", seconds=10)
        assert watcher.ping(kind.address, count=15, wait=0.2)
        result = taken_over.end()
        assert result.gap < BOUND, f"takeover: {result}"
        assert result.lost > 0, "the master had been the one that answered"
        expected = kind.virtual_mac or backup.guest.mac
        assert neighbour_mac(watcher.place, kind.address) == expected

        handed_back = stream(watcher.place, kind.address)
        master.boot()
        master.start()
        wait_until(lambda: master.holds() and not backup.holds(), "the first is master again", seconds=10)
        assert watcher.ping(kind.address, count=15, wait=0.2)
        result = handed_back.end()
        assert result.gap < BOUND, f"and back: {result}"
        assert neighbour_mac(watcher.place, kind.address) == (kind.virtual_mac or master.guest.mac)


def test_nobody_answers_for_a_shared_address_from_a_table(trio: Trio) -> None:
    kind = KINDS["IPv4"]
    with trio.routers(kind), cable(Room(trio.first.node), "eth0") as underlay, trio.watcher.cable() as wire:
        asked = frames.arp(trio.watcher.mac, trio.watcher.mac, trio.watcher.ip, kind.address)
        answer = frames.arp(
            trio.first.mac, trio.first.mac, kind.address, trio.watcher.ip, operation=2, target=trio.watcher.mac, target_mac=trio.watcher.mac
        )
        last = frames.udp4(trio.first.mac, frames.BROADCAST, trio.first.ip, "10.1.1.255", payload=b"last")
        wire.send(asked)
        wait_until(lambda: any(asked[:42] in frame for frame in underlay.waiting()), "the question goes to the holder's host")
        wire.until(answer)
        with trio.first.cable() as holder:
            holder.send(last)
        assert answer not in wire.until(last), "answered once"
    for node in trio.cloud.lab.hypervisors:
        assert f"{kind.address} " not in node.run(["ip", "neigh", "show", "dev", trio.network.bridge]).stdout


def test_an_announcement_that_says_anothers_address_is_not_carried_past_the_filters(trio: Trio) -> None:
    """Announcements are seen before the filters look at them."""
    kind, me, other = KINDS["a virtual MAC"], trio.first.mac, trio.second.mac
    trio.cloud.call("allowSharedAddress", nicid=trio.first.nic, address=f"{kind.shared},{KINDS['IPv6'].address}")
    shared6 = KINDS["IPv6"].address
    forged = {
        "the gateway, with the shared MAC": frames.arp(kind.virtual_mac, kind.virtual_mac, "10.1.1.1", "10.1.1.1"),
        "another guest, with the shared MAC": frames.arp(kind.virtual_mac, kind.virtual_mac, trio.second.ip, trio.second.ip),
        "the shared address, from another guest's MAC": frames.arp(other, other, kind.address, kind.address),
        "the shared address, at another guest's MAC": frames.arp(me, other, kind.address, kind.address),
        "the shared IPv6 address, at another guest's MAC": frames.advertise(me, trio.first.ip6, shared6, option=other),
        "the shared IPv6 address, from another guest's": frames.advertise(me, trio.second.ip6, shared6, option=me),
    }
    honest = frames.arp(me, me, kind.address, kind.address), frames.advertise(me, shared6, shared6, option=me)
    with trio.first.cable() as wire, trio.watcher.cable() as seen:
        wire.send(*forged.values(), *honest)
        got = [*seen.until(honest[0]), *seen.until(honest[1])]
    assert [name for name, frame in forged.items() if frame in got] == []

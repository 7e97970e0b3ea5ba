"""Run inside a guest, whose kernel has bonds and 802.1Q: the step *bond* on veth cards, its other side in a namespace.

Every part leaves the machine as it found it; names of parts on the command line: these only.
What is said on standard output is for people; a failed assertion ends it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.waiting import wait_until
from vxloom.errors import StateError
from vxloom.prepare import bonds, guard, run
from vxloom.prepare.bonding import MakeBond
from vxloom.prepare.changes import WriteFile
from vxloom.prepare.journal import Entry, Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.requirements import links, underlay
from vxloom.prepare.step import registry
from vxloom.settings import Bond, HostSettings

INTERFACES = Path("/etc/network/interfaces")
PLAIN = """\
auto eth0
iface eth0 inet static
    address 192.0.2.1/24
    gateway 192.0.2.254

auto eth1
iface eth1 inet manual
"""
BRIDGED = """\
auto eth0
iface eth0 inet manual

auto cloudbr0
iface cloudbr0 inet static
    address 192.0.2.1/24
    bridge_ports eth0
"""
SETTINGS = HostSettings(bond=Bond(members=("eth0", "eth1")))
STEP = registry()["bond"]
MACHINE = Machine()


class Killed(BaseException):
    """The process ends here."""


def ip(*lines: str) -> None:
    for line in lines:
        subprocess.run(["ip", *line.split()], check=True)


def faults() -> list[str]:
    return [fault for bond in bonds.look(MACHINE).values() for fault in bonds.faults(bond)]


def seen() -> tuple[object, ...]:
    """What is to be as before after everything: devices, their MTUs, masters, addresses, routes, and the file."""
    devices = {link.name: (link.mtu, link.master, link.up, link.mac) for link in MACHINE.links().values()}
    addresses = [line.split()[2:] for line in MACHINE.must("ip", "-br", "-4", "address").splitlines()]  # not the state, which follows later
    routes = [line.replace(" linkdown", "").strip() for line in MACHINE.must("ip", "-4", "route").splitlines()]
    return devices, sorted(addresses), sorted(routes), INTERFACES.read_text()


def assert_as(before: tuple[object, ...]) -> None:
    for was, now in zip(before, seen(), strict=True):
        assert now == was, f"{now}\nwas\n{was}"


@contextmanager
def plain(*, gateway: bool = True) -> Iterator[None]:
    """An address on a card, and routes if anybody is to be asked whether he answers."""
    INTERFACES.write_text(PLAIN)
    ip("address add 192.0.2.1/24 brd 192.0.2.255 dev eth0", "link set eth0 mtu 1600")
    if gateway:
        ip("link set eth1 down")  # else the other side, without LACP, may take that card for the way
        ip("route add default via 192.0.2.254", "route add 203.0.113.0/24 via 192.0.2.254 dev eth0 metric 7")
        wait_until(answers, "the other side takes a card for what it is, without LACP", seconds=30)
    yield
    ip("address flush dev eth0", "link set eth0 mtu 1500", "link set eth1 up")


def answers() -> bool:
    return MACHINE.run("ping", "-n", "-c", "1", "-W", "1", "192.0.2.254").status == 0


def alone() -> AbstractContextManager[None]:
    return plain(gateway=False)


@contextmanager
def bridged() -> Iterator[None]:
    """A card in a bridge that has the address, as CloudStack's hosts are."""
    INTERFACES.write_text(BRIDGED)
    ip("link add cloudbr0 type bridge", "link set eth0 master cloudbr0", "link set cloudbr0 up", "address add 192.0.2.1/24 dev cloudbr0")
    yield
    ip("link delete cloudbr0")


def prepare(settings: HostSettings = SETTINGS, *steps: str) -> list[str]:
    return [part.problem for part in run.apply(MACHINE, settings, [registry()[name] for name in steps or ("bond",)]) if part.problem]


def assert_nothing_to_do() -> None:
    [part] = run.plan(MACHINE, SETTINGS, [STEP])
    assert (part.changes, part.problem) == ((), "")


def what_cannot_be() -> None:
    """One sentence, nothing changed."""
    before = seen()
    cases = {
        "eth7, a member of bond0, is not here": Bond(members=("eth0", "eth7")),
        "is to have 1 member": Bond(members=("eth0",)),
        "is no name for a bond": Bond(name="bond-with-a-long-name", members=("eth0", "eth1")),
        "min_links = 3": Bond(members=("eth0", "eth1"), min_links=3),
        "lo is no card": Bond(members=("lo", "eth1")),
        "eth1 is in other already": Bond(members=("eth0", "eth1")),
        "eth1.7 stands on eth1": Bond(members=("eth0", "eth1")),
        "eth0 and eth1 have addresses": Bond(members=("eth0", "eth1")),
        "it is no bond": Bond(name="eth1", members=("eth0", "eth1")),
    }
    ways = {
        "eth1 is in other already": ("link add other type bond", "link set eth1 down", "link set eth1 master other", "link delete other"),
        "eth1.7 stands on eth1": ("link add link eth1 name eth1.7 type vlan id 7", "link delete eth1.7"),
        "eth0 and eth1 have addresses": ("address add 192.0.2.9/32 dev eth1", "address flush dev eth1"),
    }
    for words, wanted in cases.items():
        *make, undo = ways.get(words, ("",))
        ip(*make)
        [problem] = prepare(HostSettings(bond=wanted))
        assert words in problem, (words, problem)
        ip(*([undo] if undo else []))
        ip("link set eth1 up")
    assert_as(before)
    assert not Journal(MACHINE).entries()


def takes_the_cards_place() -> None:
    """Addresses, routes and the MTU move, and move back; a second run has nothing to do; what is there is compared, not made again."""
    before = seen()
    assert prepare() == []
    routes = MACHINE.must("ip", "-4", "route")
    assert "default via 192.0.2.254 dev bond0" in routes
    assert "203.0.113.0/24 via 192.0.2.254 dev bond0 metric 7" in routes
    assert "eth0" not in routes
    assert {MACHINE.links()[name].mtu for name in ("bond0", "eth0", "eth1")} == {1600}
    assert bonds.differences(bonds.look(MACHINE)["bond0"], SETTINGS.bond) == []
    assert_nothing_to_do()
    ip("address delete 192.0.2.1/24 dev bond0", "address add 192.0.2.1/25 dev bond0")  # somebody's own affair
    assert_nothing_to_do()
    ip("address delete 192.0.2.1/25 dev bond0", "address add 192.0.2.1/24 dev bond0", "route replace default via 192.0.2.254")
    [problem] = prepare(HostSettings(bond=Bond(members=("eth0", "eth1"), rate="slow", hash="layer2", min_links=2)))
    assert "LACP rate fast, not slow; hash layer3+4, not layer2; min_links 1, not 2" in problem, problem
    wait_until(lambda: faults() == [], "both legs are in one aggregator with the other side", seconds=20)
    a_leg_is_pulled()
    cabled_to_somebody_else()
    assert run.undo(MACHINE) == []
    assert_as(before)


ECHO = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('192.0.2.254', 9))\n"
    "while True: s.sendto(*s.recvfrom(64))\n"
)


def a_leg_is_pulled() -> None:
    """Under traffic of eight flows there and back: what is lost is what was on the wire, and in the 100 ms until somebody looks."""
    far = subprocess.Popen(["ip", "netns", "exec", "far", "python3", "-c", ECHO])
    wait_until(lambda: "192.0.2.254:9" in MACHINE.must("ip", "netns", "exec", "far", "ss", "-Hulnp"), "the other side listens", seconds=20)
    by_leg = {name: sent(name) for name in ("eth0", "eth1")}
    total, lost, silence = stream(3, "ip -n far link set far1 down")
    far.kill()
    far.wait()
    assert all(sent(name) - number > 100 for name, number in by_leg.items()), "both legs carried some of it"
    print(f"a leg pulled under traffic: {lost} of {total} frames lost; no flow was silent longer than {silence * 1000:.0f} ms")
    assert lost < total / 10, "a leg that went on being used would have lost a quarter of them"
    assert silence < 1
    assert faults() == ["eth1 is down"]
    [row] = links.look(MACHINE, SETTINGS)
    assert (row.verdict, row.found, row.remedy) == ("warning", "802.3ad, eth0 up, eth1 down", "eth1 is down")
    ip("-n far link set far1 up")
    wait_until(lambda: faults() == [], "the leg is back", seconds=20)


def stream(seconds: float, at_half: str) -> tuple[int, int, float]:
    """Send a frame of eight flows each 10 ms to who sends it back, and run a command at half time.

    Return how many were sent and lost, and a flow's longest silence in seconds.
    """
    flows = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    begin = time.monotonic()
    heard, silence, total, got, command = dict.fromkeys(flows, begin), 0.0, 0, 0, None
    while (now := time.monotonic()) < begin + seconds + 1:
        if now < begin + seconds:
            for flow in flows:
                flow.sendto(b"x", ("192.0.2.254", 9))
                total += 1
        if command is None and now > begin + seconds / 2:
            command = subprocess.Popen(at_half.split())
        while ready := select.select(flows, [], [], max(0.0, now + 0.01 - time.monotonic()))[0]:
            for flow in ready:
                flow.recv(64)
                got, moment = got + 1, time.monotonic()
                silence = max(silence, moment - heard[flow])
                heard[flow] = moment
    for flow in flows:
        flow.close()
    assert command is not None
    assert command.wait() == 0
    return total, total - got, silence


def sent(device: str) -> int:
    return int(Path(f"/sys/class/net/{device}/statistics/tx_packets").read_text())


def cabled_to_somebody_else() -> None:
    """A leg whose other end is in another bond ends up in an aggregator of its own."""
    ip("-n far link add other type bond mode 802.3ad lacp_rate fast miimon 100", "-n far link set far1 down")
    ip("-n far link set far1 master other", "-n far link set other up")
    wait_until(lambda: any("another aggregator" in fault for fault in faults()), "one leg is in another aggregator", seconds=20)
    print(faults())
    ip("-n far link delete other", "-n far link set far1 down", "-n far link set far1 master bond0")
    wait_until(lambda: faults() == [], "the leg is back", seconds=20)


def takes_a_place_in_a_bridge() -> None:
    """With a VLAN on it, the MTU of the whole stack is raised; the address stays where it was."""
    before = seen()
    assert prepare() == []
    assert [MACHINE.links()[name].master for name in ("bond0", "eth0", "eth1")] == ["cloudbr0", "bond0", "bond0"]
    text = INTERFACES.read_text()
    assert "    bridge_ports bond0\n" in text
    assert "iface bond0 inet manual\n" in text
    ip("link set bond0 nomaster", "link add link bond0 name bond0.100 type vlan id 100", "link set bond0.100 master cloudbr0")
    INTERFACES.write_text(text.replace("bridge_ports bond0", "bridge_ports bond0.100") + "\niface bond0.100 inet manual\n")
    stacked = INTERFACES.read_text()
    wide = HostSettings(labels={"Guest": "cloudbr0"}, bond=SETTINGS.bond)
    [row] = [row for row in underlay.look(MACHINE, wide) if row.name == "MTU of the underlay"]
    assert row.found == "cloudbr0 1500, bond0.100 1500, bond0 1500, eth0 1500, eth1 1500"
    assert prepare(wide, "mtu") == []
    assert {MACHINE.links()[name].mtu for name in ("cloudbr0", "bond0.100", "bond0", "eth0", "eth1")} == {9000}
    assert INTERFACES.read_text().count("mtu 9000 # vxloom") == 3
    assert run.undo(MACHINE, only=["mtu"]) == []
    assert {MACHINE.links()[name].mtu for name in ("cloudbr0", "bond0.100", "bond0", "eth0", "eth1")} == {1500}
    assert INTERFACES.read_text() == stacked
    ip("link delete bond0.100", "link set bond0 master cloudbr0")
    INTERFACES.write_text(text)
    assert run.undo(MACHINE) == []
    assert_as(before)


def the_other_side_falls_silent() -> None:
    """Everything is taken back by itself."""
    before = seen()
    guard._TRIES = 2

    def gone(step: str, what: str) -> None:
        ip("-n far address flush dev bond0")

    [part] = run.apply(MACHINE, SETTINGS, [STEP], gone)
    guard._TRIES = 10
    assert "192.0.2.254 did not answer any more" in part.problem, part
    assert part.changes == ()
    assert_as(before)
    ip("-n far address add 192.0.2.254/24 dev bond0")
    assert run.undo(MACHINE) == []
    assert_as(before)


def killed() -> None:
    """After the bond is made, when nobody knows yet whether the way out works: all is put back. After that: the next run completes it."""
    before = seen()
    for boundary, taken_back in ((1, True), (2, False)):
        pid = os.fork()
        if pid == 0:
            killed_at(boundary)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]), boundary
        wait_until(nobody_prepares, "what watched beside it has ended", seconds=20)
        assert ("bond0" not in MACHINE.links()) == taken_back
        if taken_back:
            assert_as(before)
        assert prepare() == [], boundary
        assert MACHINE.links()["eth1"].master == "bond0"
        assert "iface bond0" in INTERFACES.read_text()
        assert run.undo(MACHINE) == []
        assert_as(before)


def nobody_prepares() -> bool:
    try:
        with Journal(MACHINE).held():
            return True
    except StateError:
        return False


def killed_at(boundary: int) -> None:
    """Be killed before (even) or after (odd) a change."""
    left = boundary

    def perhaps() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    for kind in (MakeBond, WriteFile):
        real = kind.do

        def do(self: object, machine: Machine, real: Callable[..., None] = real) -> None:
            perhaps()
            real(self, machine)
            perhaps()

        kind.do = do  # type: ignore[method-assign, assignment]
    prepare()
    os._exit(0)


def also_what_watches_is_killed() -> None:
    """Then the bond is there and no file says so: the next run writes them."""
    before = seen()
    bond = next(change for change in STEP.changes(MACHINE, SETTINGS) if isinstance(change, MakeBond))
    Journal(MACHINE).add(Entry(step="bond", change=bond, before={}))
    ip("link add bond0 type bond mode 802.3ad", "link set eth1 down", "link set eth1 master bond0", "address flush dev eth0")
    assert prepare() == []
    assert {MACHINE.links()[name].master for name in ("eth0", "eth1")} == {"bond0"}
    assert "iface bond0" in INTERFACES.read_text()
    assert run.undo(MACHINE) == []
    assert_as(before)


def main() -> None:
    ip("netns add far", "link add eth0 type veth peer name far0 netns far", "link add eth1 type veth peer name far1 netns far")
    ip("-n far link add bond0 type bond mode 802.3ad lacp_rate fast miimon 100", "-n far link set far0 master bond0")
    ip("-n far link set far1 master bond0", "-n far link set bond0 up", "-n far address add 192.0.2.254/24 dev bond0")
    ip("link set eth0 up", "link set eth1 up")
    for way, part in (
        (alone, what_cannot_be),
        (plain, takes_the_cards_place),
        (bridged, takes_a_place_in_a_bridge),
        (plain, the_other_side_falls_silent),
        (alone, killed),
        (alone, also_what_watches_is_killed),
    ):
        if sys.argv[1:] and part.__name__ not in sys.argv[1:]:
            continue
        begin = time.monotonic()
        with way():
            part()
        print(f"{part.__name__}: {time.monotonic() - begin:.1f} s", flush=True)


if __name__ == "__main__":
    main()

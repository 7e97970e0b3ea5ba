"""Law 7 with packets: a VNI does not come back while a headless host may still believe in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel import frames
from tests.scenarios.clouds import Cloud, Guest, Network, Room, cable, running, strangers
from tests.waiting import wait_until
from vxloom.errors import RequestError
from vxloom.lab import faults, topology
from vxloom.lab.services import SERVER, await_server

VNI = 7000


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    """Three hosts over a physical network with a single VNI."""
    with running(3) as made:
        physical = made.one("listPhysicalNetworks", "physicalnetwork")
        made.call("updatePhysicalNetwork", id=physical["id"], vlan=f"{VNI}-{VNI}")
        made.call("updateConfiguration", name="vxloom.job.deadline", value="1")
        made.call("updateConfiguration", name="vxloom.host.timeout", value="3")
        made.lab.restart(topology.MANAGEMENT, SERVER)
        await_server(made.lab)
        made.await_hosts()
        yield made


@pytest.mark.parametrize(("silent", "way"), [("h2", "it acknowledges"), ("h3", "it is removed")])
def test_a_vni_comes_back_when_the_last_host_that_believes_in_it_has_let_go(cloud: Cloud, silent: str, way: str) -> None:
    first = cloud.network()
    old = wait_until(lambda: _deployed(cloud, first), "the only VNI is free", seconds=15)
    gone = cloud.guest(first, silent, "10.1.1.33")
    device = cloud.settled(first).vxlan
    assert cloud.settled(first).vni == VNI
    assert old.ping(gone.ip)

    faults.cause(cloud.lab, "mgmt-cut", silent)
    wait_until(lambda: not cloud.connected(silent), "the server misses it", seconds=8)
    cloud.destroy(old, gone)
    cloud.call("deleteNetwork", id=first.id)
    wait_until(lambda: not _has(cloud, "h1", device), "h1 has let go")
    assert _has(cloud, silent, device), "it is headless: it keeps what it has"

    second = cloud.network()
    with pytest.raises(RequestError, match="VNI"):
        cloud.guest(second, "h1", "10.1.1.31")
    # What the pool protects from: the headless host still floods into that VNI, towards whoever was its peer.
    with gone.cable() as past, cable(Room(cloud.lab.node("h1")), "eth0") as underlay:
        said = frames.udp4(gone.mac, frames.BROADCAST, gone.ip, "10.1.1.255", payload=b"from the past")
        past.send(said)
        wait_until(lambda: any(said[:42] in frame for frame in underlay.waiting()), "it still speaks in the old VNI")
    assert not _has(cloud, "h1", device), "and nobody there is in it"

    if way == "it acknowledges":
        faults.heal(cloud.lab)
    else:
        cloud.call("deleteHost", id=cloud.hosts[silent], forced="true")
    again = wait_until(lambda: _deployed(cloud, second), "the VNI is given again", seconds=15)
    assert cloud.settled(second).vni == VNI
    if way == "it acknowledges":
        assert not _has(cloud, silent, device), "not before the last host let go"
    else:
        _is_not_heard(gone, again)
    cloud.destroy(again)
    cloud.call("deleteNetwork", id=second.id)


def _is_not_heard(gone: Guest, again: Guest) -> None:
    """The removed host never learnt that it is: it floods into the VNI that is another tenant's now, and nobody there hears it."""
    before = strangers(again.node)
    with gone.cable() as past, again.cable() as hears:
        past.send(frames.udp4(gone.mac, frames.BROADCAST, gone.ip, "10.1.1.255", payload=b"from the past"))
        wait_until(lambda: strangers(again.node) > before, "what it says is dropped and counted")
        assert not [frame for frame in hears.waiting() if b"from the past" in frame]


def _has(cloud: Cloud, host: str, device: str) -> bool:
    return device in cloud.lab.node(host).run(["ip", "-o", "link", "show", "type", "vxlan"]).stdout


def _deployed(cloud: Cloud, network: Network) -> Guest | None:
    try:
        return cloud.guest(network, "h1", "10.1.1.32")
    except RequestError:
        return None

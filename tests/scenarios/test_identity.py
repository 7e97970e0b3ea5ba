"""Who may join, and what a removed host loses: its stream within a second, its rows at its peers, the way back without a new token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import pytest

from tests.kernel import frames
from tests.scenarios.clouds import Cloud, Guest, lets_in, running, strangers
from tests.waiting import wait_until
from vxloom.lab.cloud import LABEL, Object, objects
from vxloom.lab.services import AGENT, JOIN_TOKEN

CUT_SECONDS = LET_IN_SECONDS = 1.0
BRIEF_HOURS = "0.0001"  # a third of a second, as the setting takes it: hours


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3, joined=2) as made:
        yield made


def _token(cloud: Cloud, name: str) -> str:
    made = cloud.call("createHostJoinToken", name=name, zoneid=cloud.zone)
    return str(cast("Object", made["hostjointoken"])["token"])


def _refused(cloud: Cloud, token: str, words: str) -> None:
    """h3's agent, started with this token, is refused with these words, and nobody has joined."""
    cloud.lab.start_agent("h3", token=token, labels={LABEL: "eth0"})
    try:
        wait_until(lambda: words in _log(cloud, "h3"), f"the agent is told: {words}", seconds=10)
    finally:
        cloud.lab.kill("h3", AGENT)
        cloud.lab.log_path("h3", AGENT).write_text("")
    assert [host["name"] for host in objects(cloud.api, "listHosts", "host", type="Routing") if host["name"] == "h3"] == []


def _log(cloud: Cloud, name: str) -> str:
    return cloud.lab.log_path(name, AGENT).read_text(encoding="utf-8")


def test_a_wrong_used_or_old_token_lets_nobody_in_and_a_good_one_does(cloud: Cloud) -> None:
    good = _token(cloud, "h3")
    _refused(cloud, "sesame", "not a join token")
    _refused(cloud, good[:-8] + "AAAAAAAA", "token")
    _refused(cloud, cloud.lab.node("h1").read(JOIN_TOKEN).strip(), "already used")
    cloud.call("updateConfiguration", name="vxloom.token.hours", value=BRIEF_HOURS)
    short = _token(cloud, "h3")
    cloud.call("updateConfiguration", name="vxloom.token.hours", value="24")
    expires = time.monotonic() + float(BRIEF_HOURS) * 3600
    wait_until(lambda: time.monotonic() > expires, "it has expired")
    _refused(cloud, short, "expired")
    cloud.lab.start_agent("h3", token=good, labels={LABEL: "eth0"})
    cloud.await_hosts("h3")
    cloud.learn_hosts()
    assert sorted(cloud.hosts) == ["h1", "h2", "h3"]


def test_a_removed_host_is_cut_at_once_shut_out_by_its_peers_and_comes_back_with_a_new_token_only(cloud: Cloud) -> None:
    if "h3" not in cloud.hosts:  # in whatever order the tests run
        cloud.lab.start_agent("h3", token=_token(cloud, "h3"), labels={LABEL: "eth0"})
        cloud.await_hosts("h3")
        cloud.learn_hosts()
    made = cloud.network()
    one, two, gone = cloud.guests(made, "h1", "h2", "h3")
    network = cloud.settled(made)
    assert one.ping(gone.ip)
    cloud.lab.log_path("h3", AGENT).write_text("")
    peers = [cloud.lab.node(peer) for peer in ("h1", "h2")]
    assert all(lets_in(peer, network.vni, gone.node.address) for peer in peers)
    cloud.call("deleteHost", id=cloud.hosts["h3"], forced="true")
    wait_until(
        lambda: not any(lets_in(peer, network.vni, gone.node.address) for peer in peers), "nobody lets it in any more", seconds=CUT_SECONDS
    )
    _is_not_heard(gone, one, two)
    wait_until(lambda: "no stream to the server" in _log(cloud, "h3"), "its stream is cut", seconds=CUT_SECONDS)
    wait_until(lambda: "was removed" in _log(cloud, "h3"), "and a new one refused", seconds=5)
    for peer in ("h1", "h2"):
        node = cloud.lab.node(peer)
        wait_until(lambda node=node: gone.mac not in node.run(["bridge", "fdb", "show"]).stdout, "its guest's rows vanish", seconds=2)
        assert cloud.lab.node("h3").address not in node.run(["bridge", "fdb", "show", "dev", network.vxlan]).stdout, (
            "nothing is flooded to it"
        )
        assert gone.ip not in node.run(["ip", "neigh", "show", "dev", network.bridge]).stdout
    assert not one.ping(gone.ip, count=1, wait=0.3)
    assert one.ping(two.ip)
    cloud.lab.restart("h3", AGENT)
    wait_until(lambda: _log(cloud, "h3").count("was removed") >= 1, "its old certificate and its used token do not let it in", seconds=5)
    cloud.learn_hosts()
    assert "h3" not in cloud.hosts
    cloud.lab.kill("h3", AGENT)
    cloud.lab.start_agent("h3", token=_token(cloud, "h3"), labels={LABEL: "eth0"})
    cloud.await_hosts("h3")
    cloud.learn_hosts()
    if cloud.plan("h3").get("holding"):
        cloud.call("confirmHost", name="h3")
    wait_until(lambda: cloud.in_step("h3"), "it is one of us again", seconds=5)
    assert cloud.state(gone.id) == "Stopped"
    given = cloud.ask("startVirtualMachine", id=gone.id, hostid=cloud.hosts["h3"])
    wait_until(lambda: all(lets_in(peer, network.vni, gone.node.address) for peer in peers), "all let it in again", seconds=LET_IN_SECONDS)
    job = wait_until(lambda: cloud.ended(given), "its guest starts", seconds=10)
    assert job["jobstatus"] == 1, job
    assert one.ping(gone.ip)


def _is_not_heard(gone: Guest, one: Guest, two: Guest) -> None:
    """A removed host knows nothing of it yet, or does not care: its guest goes on speaking."""
    last = frames.udp4(two.mac, frames.BROADCAST, two.ip, "10.1.1.255", payload=b"last")
    said = frames.udp4(gone.mac, frames.BROADCAST, gone.ip, "10.1.1.255", payload=b"still here")
    before = strangers(one.node)
    with gone.cable() as past, two.cable() as beside, one.cable() as hears:
        past.send(said)
        wait_until(lambda: strangers(one.node) > before, "what it says is counted as a stranger's")
        beside.send(last)
        assert said not in hears.until(last)

"""Tunnels over an IPv6 underlay: seventy bytes of every packet are theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tests.scenarios.clouds import Cloud
from vxloom.lab import Lab, cloud
from vxloom.lab.cloud import LABEL
from vxloom.lab.services import AGENT, AGENT_CONFIG


def test_guests_meet_over_ipv6_tunnels_with_what_is_left_of_the_mtu(lab_directory: Path) -> None:
    with Lab(hypervisors=2, mtu=1500, api_port=0) as lab:
        lab.start_server()
        made = Cloud(lab)
        for node in lab.hypervisors:
            token = str(made.call("createHostJoinToken", name=node.name, zoneid=made.zone)["hostjointoken"]["token"])  # type: ignore[index]
            lab.start_agent(node.name, token=token, labels={LABEL: "eth0"})
            lab.kill(node.name, AGENT)
            text = node.read(AGENT_CONFIG).replace(f'vtep = "{node.address}"', f'vtep = "{node.spec.address6}"')
            assert str(node.spec.address6) in text
            node.write(AGENT_CONFIG, text)
            lab.restart(node.name, AGENT)
        cloud.await_hosts(lab, made.api, ("h1", "h2"))
        made.learn_hosts()
        network = made.network()
        one, two = made.guests(network, "h1", "h2")
        vxlan = made.settled(network).vxlan
        assert f"local {lab.node('h1').spec.address6}" in lab.node("h1").run(["ip", "-d", "link", "show", vxlan]).stdout
        assert one.ping(two.ip)
        assert one.ping(two.ip6)
        assert "mtu 1430" in one.place.run(["ip", "link", "show", "eth0"]).stdout
        whole = ["ping", "-n", "-q", "-c3", "-i0.05", "-W1", "-M", "do", "-s", str(1430 - 28), two.ip]
        assert one.place.run(whole, check=False).returncode == 0, "the whole of it crosses"
        whole[-2] = str(1430 - 28 + 1)
        assert one.place.run(whole, check=False).returncode != 0
        told = cast("dict[str, Any]", made.call("vxloomWhy", **{"from": one.name, "to": two.name}, packet="true")["why"])
        assert told["sentence"] == f"{one.name} can reach {two.name}: packets came out at both taps"

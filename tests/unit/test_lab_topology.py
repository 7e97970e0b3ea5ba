"""What a lab is asked for and what is made of it, without making it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from vxloom.errors import ConfigError
from vxloom.lab import topology
from vxloom.lab.topology import Spec


def test_every_node_but_the_router_has_a_subnet_of_its_own() -> None:
    made = topology.nodes(Spec(hypervisors=254))
    addresses = [node.address for node in made if not node.is_router]
    assert len({ip_network(f"{address}/24", strict=False) for address in addresses}) == len(addresses) == 255
    assert len({ip_network(f"{node.address6}/64", strict=False) for node in made if not node.is_router}) == 255


def test_names_are_those_a_person_types() -> None:
    assert [node.name for node in topology.nodes(Spec(hypervisors=2))] == ["underlay", "mgmt", "h1", "h2"]
    assert [node.name for node in topology.nodes(Spec(hypervisors=2)) if node.is_hypervisor] == ["h1", "h2"]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (Spec(name="Lab"), "lab name"),
        (Spec(name="../x"), "lab name"),
        (Spec(name=""), "lab name"),
        (Spec(name="x" * 32), "lab name"),
        (Spec(hypervisors=0), "0 hypervisors"),
        (Spec(hypervisors=255), "255 hypervisors"),
        (Spec(mtu=1279), "MTU of 1279"),
        (Spec(mtu=65536), "MTU of 65536"),
        (Spec(api_port=65536), "TCP port"),
    ],
)
def test_a_lab_that_cannot_be_is_refused_with_a_way_out(spec: Spec, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        topology.check(spec)
    assert caught.value.remedy


def test_names_of_links_fit_the_kernel() -> None:
    assert all(len(node.router_link) < 16 for node in topology.nodes(Spec(hypervisors=254)))


def test_every_node_finds_every_other_by_name() -> None:
    spec = Spec(hypervisors=2)
    assert {line.split()[1] for line in topology.hosts_file(spec).splitlines()} == {"localhost", "mgmt", "h1", "h2"}


def test_the_router_reaches_every_subnet_at_the_mtu_asked_for() -> None:
    spec = Spec(hypervisors=2, mtu=9000)
    pids = {node.name: 100 + place for place, node in enumerate(topology.nodes(spec))}
    lines = topology.router_batch(spec, pids).splitlines()
    links = [line for line in lines if line.startswith("link add")]
    assert [line.split("netns ")[1] for line in links] == ["101", "102", "103"]
    assert all(line.count("mtu 9000") == 2 for line in links)

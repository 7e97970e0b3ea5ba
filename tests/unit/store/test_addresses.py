"""MAC and IP allocation."""

from __future__ import annotations

import pytest

from tests.unit.store.world import World
from vxloom.errors import RequestError
from vxloom.model.addresses import parse_mac
from vxloom.store import records
from vxloom.store.addresses import interface_id


def test_a_mac_is_local_unicast_and_in_the_zone_once(world: World) -> None:
    with world.store.write("test") as tx:
        made = [tx.take_mac(f"n{n}", world.zone) for n in range(50)]
        assert len(set(made)) == 50
        assert all(parse_mac(mac) >> 41 & 1 for mac in made)
        assert tx.take_mac("own", world.zone, "02-AA-00-00-00-01") == "02:aa:00:00:00:01"
        with pytest.raises(RequestError, match="in use in this zone"):
            tx.take_mac("other", world.zone, "02:aa:00:00:00:01")
        other = tx.add(records.Zone(name="z2"))
        assert tx.take_mac("elsewhere", other.id, "02:aa:00:00:00:01")


@pytest.mark.parametrize("mac", ["01:00:5e:00:00:01", "00:00:00:00:00:00", "nonsense"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a question of text, not of the database
def test_a_mac_that_is_none_is_refused(world: World, mac: str) -> None:
    with pytest.raises(RequestError), world.store.write("test") as tx:
        tx.take_mac("n", world.zone, mac)


def test_a_mac_in_no_zone_is_refused_not_looked_for_for_ever(world: World) -> None:
    with pytest.raises(RequestError, match="does not exist"), world.store.write("test") as tx:
        tx.take_mac("n", "nowhere")


def test_addresses_are_given_in_order_without_network_gateway_and_broadcast(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx, cidr="10.1.1.0/29", gateway="10.1.1.3")
        assert [tx.take_ip(network, f"n{n}") for n in range(5)] == [f"10.1.1.{n}" for n in (1, 2, 4, 5, 6)]
        with pytest.raises(RequestError, match="Unable to acquire an IP address") as caught:
            tx.take_ip(network, "late")
        assert caught.value.code == 533


def test_gaps_are_filled_after_the_end_was_reached(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx, cidr="10.1.1.0/29", gateway="10.1.1.1")
        assert tx.take_ip(network, "a", address="10.1.1.6") == "10.1.1.6"
        assert [tx.take_ip(network, f"n{n}") for n in range(4)] == ["10.1.1.2", "10.1.1.3", "10.1.1.4", "10.1.1.5"]
        tx.release_ip(network, "10.1.1.4")
        assert tx.take_ip(network, "again") == "10.1.1.4"


def test_startip_and_endip_bound_what_is_given(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx, start_ip="10.1.1.200", end_ip="10.1.1.201")
        assert [tx.take_ip(network, n) for n in "ab"] == ["10.1.1.200", "10.1.1.201"]
        with pytest.raises(RequestError):
            tx.take_ip(network, "c")
        assert tx.take_ip(network, "c", address="10.1.1.9") == "10.1.1.9"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.1.2.5", "outside network"),
        ("10.1.1.0", "reserved"),
        ("10.1.1.1", "reserved"),
        ("10.1.1.255", "reserved"),
        ("10.1.1", "not an IP address"),
        ("fd00:2::1", "outside network"),
        ("10.1.1.9", "in use"),
    ],
)
def test_a_stated_address_is_checked(world: World, address: str, says: str) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx)
        tx.take_ip(network, "first", address="10.1.1.9")
        with pytest.raises(RequestError, match=says) as caught:
            tx.take_ip(network, "n", address=address)
        assert caught.value.code == 431


def test_a_network_without_addresses_gives_none(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx, guest_type="L2", cidr=None, gateway=None, ip6_cidr=None)
        with pytest.raises(RequestError, match="has no IPv4 addresses"):
            tx.take_ip(network, "n")


def test_an_ipv6_address_follows_from_the_mac_and_else_is_the_next(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx)
        assert tx.take_ip(network, "a", family=6, mac="00:34:56:78:9a:bc") == "fd00:1::234:56ff:fe78:9abc"
        assert tx.take_ip(network, "b", family=6, mac="00:34:56:78:9a:bc") != "fd00:1::234:56ff:fe78:9abc"
        assert tx.take_ip(network, "c", family=6, mac="fe:ff:ff:ff:ff:ff") == "fd00:1::fcff:ffff:feff:ffff"
        assert tx.take_ip(network, "d", address="FD00:1::0:5") == "fd00:1::5"
        small = world.network(tx, "small", ip6_cidr="fd00:2::/126", ip6_gateway="fd00:2::1")
        assert [tx.take_ip(small, n, family=6, mac="02:00:00:00:00:01") for n in "ab"] == ["fd00:2::2", "fd00:2::3"]


def test_interface_id_of_rfc_4291() -> None:
    assert interface_id(0x0034_5678_9ABC) == 0x0234_56FF_FE78_9ABC


def test_the_same_address_in_two_networks(world: World) -> None:
    with world.store.write("test") as tx:
        assert tx.take_ip(world.network(tx, "a"), "n1") == tx.take_ip(world.network(tx, "b"), "n2") == "10.1.1.2"


def test_a_nic_never_bound_gives_its_addresses_back_at_once(world: World) -> None:
    with world.store.write("test") as tx:
        nic = world.nic(tx, world.segment(tx))
        tx.release_nic(nic)
        assert [tx.count(kind) for kind in (records.Nic, records.NicIp, records.MacAllocation, records.IpAllocation)] == [0, 0, 0, 0]


def test_a_bound_nic_is_not_released(world: World) -> None:
    with world.store.write("test") as tx:
        nic = world.nic(tx, world.segment(tx))
        tx.bind(nic, world.hosts[0])
        with pytest.raises(RequestError) as caught:
            tx.release_nic(nic)
        assert caught.value.code == 536

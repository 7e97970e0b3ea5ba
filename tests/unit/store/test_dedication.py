"""VNIs kept for one account: who gets them, who does not, and what is refused."""

from __future__ import annotations

import pytest

from tests.unit.store.world import World
from vxloom.errors import RequestError
from vxloom.store import records
from vxloom.store.gaps import subtract


@pytest.fixture
def blue(world: World) -> str:
    """An account besides the admin's, which `World.network` uses."""
    with world.store.write("test") as tx:
        domain = tx.one(records.Domain)
        assert domain is not None
        return tx.add(records.Account(name="blue", domain=domain.id)).id


def dedicate(world: World, account: str, text: str) -> tuple[int, int]:
    with world.store.write("test") as tx:
        row = tx.dedicate_vnis(world.physical, account, text)
    return row.start, row.end


def vni(world: World, **fields: object) -> int:
    with world.store.write("test") as tx:
        return tx.take_vni(world.network(tx, **fields))


def test_an_accounts_own_come_first_then_the_systems(world: World, blue: str) -> None:
    with world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, "5000-5003")
    dedicate(world, blue, "5001-5002")
    assert {vni(world, account=blue) for _ in range(2)} == {5001, 5002}
    assert vni(world, account=blue) in {5000, 5003}


def test_without_the_systems_an_account_has_only_its_own(world: World, blue: str) -> None:
    with world.store.write("test") as tx:
        tx.set_setting("use.system.guest.vlans", "false")
    dedicate(world, blue, "5001-5001")
    assert vni(world, account=blue) == 5001
    with pytest.raises(RequestError, match="Unable to allocate vnet") as caught:
        vni(world, account=blue)
    assert caught.value.code == 533
    assert 5000 <= vni(world) <= 5999  # who has none dedicated is not concerned


def test_nobody_else_gets_a_dedicated_one(world: World, blue: str) -> None:
    with world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, "5000-5002")
    dedicate(world, blue, "5001-5002")
    assert vni(world) == 5000
    with pytest.raises(RequestError, match="Unable to allocate vnet"):
        vni(world)
    with pytest.raises(RequestError, match="VNI 5001 is dedicated to another account"), world.store.write("test") as tx:
        tx.take_vni(world.network(tx), 5001)
    with world.store.write("test") as tx:
        assert tx.take_vni(world.network(tx, account=blue), 5001) == 5001


def test_what_touches_is_joined_and_another_accounts_is_not(world: World, blue: str) -> None:
    assert dedicate(world, blue, "5010-5019") == (5010, 5019)
    with world.store.write("test") as tx:
        admin = tx.one(records.Account, name="admin")
        assert admin is not None
    assert dedicate(world, admin.id, "5020-5029") == (5020, 5029)
    assert dedicate(world, blue, "5000-5009") == (5000, 5019)
    assert world.rows(records.DedicatedRange) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("4000-4001", "Unable to find guest vlan range"),
        ("5990-6000", "Unable to find guest vlan range"),
        ("5000-5001,5003-5004", "one range"),
        ("5000", "Please provide valid vnet range"),
        ("5001-5000", "start range should be lesser"),
        ("0-16777215", "has to be between"),
        ("5105-5106", "is dedicated to an account already"),
        ("5090-5200", "is dedicated to an account already"),
        ("5500-5500", "belongs to a network of another account"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a question of text, not of the database
def test_a_range_that_cannot_be_dedicated(world: World, blue: str, text: str, says: str) -> None:
    dedicate(world, blue, "5100-5110")
    with world.store.write("test") as tx:
        tx.take_vni(world.network(tx), 5500)
    with pytest.raises(RequestError, match=says) as caught:
        dedicate(world, blue, text)
    assert caught.value.code == 431
    assert world.rows(records.DedicatedRange) == 1


def test_a_dedicated_range_cannot_be_left_out(world: World, blue: str) -> None:
    dedicate(world, blue, "5100-5110")
    for text in ("", "5000-5105", "6000-7000"):
        with pytest.raises(RequestError, match="5100-5110 is dedicated to an account") as caught, world.store.write("test") as tx:
            tx.set_vni_ranges(world.physical, text)
        assert caught.value.code == 431
    with world.store.write("test") as tx:
        assert tx.set_vni_ranges(world.physical, "5100-5110") == "5100-5110"


def test_a_pool_is_counted_without_what_lies_beside_it(world: World) -> None:
    with world.store.write("test") as tx:
        inside, beside = world.network(tx, "in"), world.network(tx, "out")
        tx.take_vni(inside)
        tx.take_vni(beside, 9)
        assert tx.vni_usage(world.physical) == (1, 1000)
        assert [row.vni for row in tx.vnis_beside_ranges(world.zone)] == [9]


def test_a_network_that_does_not_say_its_isolation_follows_the_setting(world: World) -> None:
    with world.store.write("test") as tx:
        silent = tx.add(records.PhysicalNetwork(zone=world.zone, name="p2", isolation_method=""))
        assert tx.isolation(silent) == "VXLAN"
        tx.set_vni_ranges(silent.id, "10000-10001")
        tx.set_setting("network.vlan.interfacetype", " VLAN ")
        assert tx.isolation(silent) == "VLAN"
        with pytest.raises(RequestError, match="between 0 and 4095"):
            tx.set_vni_ranges(silent.id, "10000-10001")


def test_one_that_does_not_say_shares_no_vni_with_one_that_does(world: World) -> None:
    with world.store.write("test") as tx:
        silent = tx.add(records.PhysicalNetwork(zone=world.zone, name="p2", isolation_method=""))
    with pytest.raises(RequestError, match="already exists on another network"), world.store.write("test") as tx:
        tx.set_vni_ranges(silent.id, "5000-5000")


@pytest.mark.parametrize(
    ("intervals", "holes", "left"),
    [
        ([(1, 9)], [], [(1, 9)]),
        ([(1, 9)], [(1, 9)], []),
        ([(1, 9)], [(0, 20)], []),
        ([(1, 9)], [(3, 4), (6, 6)], [(1, 2), (5, 5), (7, 9)]),
        ([(5, 9), (1, 3)], [(3, 5)], [(1, 2), (6, 9)]),
        ([(1, 9)], [(9, 9), (1, 1)], [(2, 8)]),
    ],
)
def test_holes_are_taken_out(intervals: list[tuple[int, int]], holes: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert subtract(intervals, holes) == left


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("sdn.ovs.vxlan.enabled", "True", "no Open vSwitch driver yet"),
        ("network.vlan.interfacetype", "gre", "vxlan or vlan"),
        ("network.gc.interval", "0", "1 or more"),
        ("network.gc.wait", "-1", "0 or more"),
        ("vxloom.job.deadline", "nan", "a number"),
        ("vxloom.job.deadline", "inf", "a number"),
        ("network.gc.wait", "9" * 5000, "a number"),
        ("use.system.guest.vlans", "yes", "true or false"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a question of text, not of the database
def test_a_setting_takes_only_what_it_can_mean(world: World, name: str, value: str, says: str) -> None:
    with pytest.raises(RequestError, match=says) as caught, world.store.write("test") as tx:
        tx.set_setting(name, value)
    assert caught.value.code == 431


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a question of text, not of the database
def test_words_of_a_setting_are_kept_in_lower_case(world: World) -> None:
    with world.store.write("test") as tx:
        assert tx.set_setting("use.system.guest.vlans", " False ").value == "false"
        assert tx.set_setting("sdn.ovs.vxlan.enabled", "FALSE").value == "false"

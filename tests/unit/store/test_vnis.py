"""VNI ranges and allocations: texts, bounds, overlaps, cost."""

from __future__ import annotations

import random
import time

import pytest
import sqlalchemy as sa

from tests.unit.store.world import World
from vxloom.errors import RequestError
from vxloom.store import records
from vxloom.store.vnis import limits, parse_ranges


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        ("500-500", "500-500"),
        ("3000-3005,2001-2012", "2001-2012,3000-3005"),
        (" 1 - 2 , 3-4 ", "1-4"),
        ("1-10,5-20", "1-20"),
        ("0-16777214", "0-16777214"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a question of text, not of the database
def test_ranges_are_normalised(world: World, text: str, normal: str) -> None:
    with world.store.write("test") as tx:
        assert tx.set_vni_ranges(world.physical, text) == normal
        assert tx.vni_ranges_text(world.physical) == normal


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("500", "Please provide valid vnet range"),
        ("1-2-3", "Please provide valid vnet range"),
        ("a-b", "Please provide valid vnet range"),
        ("1-2,", "Please provide valid vnet range"),
        ("-1-5", "Please provide valid vnet range"),
        ("²-3", "Please provide valid vnet range"),
        ("10-5", "start range should be lesser than or equal to stop range"),
        ("1-16777215", "Vnet range has to be between 0 and 16777214"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a question of text, not of the database
def test_a_bad_range_is_refused_and_changes_nothing(world: World, text: str, says: str) -> None:
    with pytest.raises(RequestError, match=says) as caught, world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, text)
    assert caught.value.code == 431
    with world.store.read() as rx:
        assert rx.vni_ranges_text(world.physical) == "5000-5999"


def test_vlan_has_its_own_bounds() -> None:
    assert parse_ranges("0-4095", limits("vlan")) == ((0, 4095),)
    with pytest.raises(RequestError, match="between 0 and 4095"):
        parse_ranges("1-4096", limits("VLAN"))


@pytest.mark.parametrize("text", ["5500-5500", "4000-7000", "1-5000", "5999-9000", "1-2,5100-5200"])
def test_an_overlap_anywhere_is_found(world: World, text: str) -> None:
    """Not only at the end points: 4000-7000 holds all of 5000-5999 within."""
    with world.store.write("test") as tx:
        other = tx.add(records.PhysicalNetwork(zone=world.zone, name="p2"))
    with pytest.raises(RequestError, match=r"VNI 5\d\d\d already exists on another network in zone"), world.store.write("test") as tx:
        tx.set_vni_ranges(other.id, text)


def test_other_isolation_and_other_zone_may_have_the_same_numbers(world: World) -> None:
    with world.store.write("test") as tx:
        vlan = tx.add(records.PhysicalNetwork(zone=world.zone, name="p2", isolation_method="VLAN"))
        assert tx.set_vni_ranges(vlan.id, "100-4095")
        zone = tx.add(records.Zone(name="z2"))
        other = tx.add(records.PhysicalNetwork(zone=zone.id, name="p1"))
        assert tx.set_vni_ranges(other.id, "5000-5999")


def test_a_range_in_use_cannot_be_left_out(world: World) -> None:
    with world.store.write("test") as tx:
        tx.take_vni(world.network(tx), 5500)
    with pytest.raises(RequestError, match="physicalnetwork p1 has 1 vnets in use"), world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, "")
    with pytest.raises(RequestError, match="has allocated vnets in the range 5000-5999"), world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, "5000-5499,5501-5999")
    with world.store.write("test") as tx:
        assert tx.set_vni_ranges(world.physical, "5500-5500") == "5500-5500"


def test_an_exhausted_pool_says_so_with_533(world: World) -> None:
    with world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, "7-8,10-10")
        assert sorted(tx.take_vni(world.network(tx, str(n))) for n in range(3)) == [7, 8, 10]
    with pytest.raises(RequestError, match="Unable to allocate vnet") as caught, world.store.write("test") as tx:
        tx.take_vni(world.network(tx, "late"))
    assert (caught.value.code, caught.value.cs_code) == (533, 4480)
    assert world.rows(records.Network) == 3


def test_a_stated_vni_is_checked(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx)
        assert tx.take_vni(network, 4711) == 4711
        assert tx.take_vni(network) == 4711
    for vni, says in ((4711, "in use"), (16777215, "between"), (-1, "between")):
        with pytest.raises(RequestError, match=says), world.store.write("test") as tx:
            tx.take_vni(world.network(tx, "m"), vni)
    with pytest.raises(RequestError, match="already has VNI 4711"), world.store.write("test") as tx:
        tx.take_vni(network, 4712)


def test_a_vni_nobody_was_told_of_is_free_at_once(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.network(tx)
        tx.take_vni(network, 5000)
        tx.release_vni(network)
        tx.release_vni(network)
        assert tx.count(records.VniAllocation) == 0
        assert tx.get(records.Network, network).vni is None


def test_sixteen_million_vnis_cost_one_row(world: World) -> None:
    with world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, "0-16777214")
        assert tx.vni_usage(world.physical) == (0, 16777215)
    assert (world.rows(records.VniRange), world.rows(records.VniAllocation)) == (1, 0)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # it is the same on both; PostgreSQL takes 3 s for the 100,000 rows
@pytest.mark.parametrize("ranges", ["0-16777214", "1-101000"])
def test_picking_among_a_hundred_thousand_costs_few_queries(world: World, ranges: str) -> None:
    """Printed, not asserted: the time. Asserted: the number of statements, and that one row was added."""
    with world.store.write("test") as tx:
        tx.set_vni_ranges(world.physical, ranges)
        taken = random.Random(7).sample(range(1, 101_001), 100_000)
        tx.add_all([records.VniAllocation(zone=world.zone, vni=vni, physical_network=world.physical) for vni in taken])
    statements: list[str] = []
    sa.event.listen(world.store._engine, "before_cursor_execute", lambda c, cur, text, *rest: statements.append(text))
    rounds = 200
    with world.store.write("test") as tx:
        networks = [world.network(tx, str(n)) for n in range(rounds)]
        statements.clear()
        began = time.perf_counter()
        for network in networks:
            tx.take_vni(network)
        spent = time.perf_counter() - began
        number = len(statements) / rounds
        assert tx.count(records.VniAllocation) == 100_000 + rounds
    print(f"a VNI of {ranges} with 100,000 taken: {spent / rounds * 1000:.2f} ms, {number:.0f} statements")
    assert number <= 12

"""Rows in and out: conditions, order, what clashes, what is there at first, settings."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest

from tests.unit.store.world import World
from vxloom.errors import ConfigError, RequestError, StateError
from vxloom.store import Contains, Fold, Keyword, Store, records
from vxloom.store.schema import TABLES
from vxloom.store.settings_catalogue import CATALOGUE


def test_a_new_store_holds_what_an_operator_needs(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "data")
    with store.read() as rx:
        admin = rx.one(records.User, username="admin")
        assert admin is not None
        assert admin.api_key
        assert admin.secret_key
        owner = rx.user_by_key(admin.api_key)
        assert owner is not None
        assert (owner[1].type, owner[2].path) == (records.AccountType.ROOT_ADMIN, "ROOT")
        offerings = {one.name: one.guest_type for one in rx.all(records.NetworkOffering, state="Enabled")}
        assert offerings["DefaultL2NetworkOffering"] == "L2"
        assert offerings["vxloom Isolated"] == offerings["DefaultIsolatedNetworkOffering"] == "Isolated"
        assert rx.count(records.ServiceOffering, name="Small Instance") == 1
        assert rx.count(records.Template, name="namespace guest", hypervisor="KVM") == 1
    store.close()
    assert stat.S_IMODE((tmp_path / "data/store.db").stat().st_mode) == 0o600


def test_opening_again_keeps_epoch_and_keys(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    epoch = first.epoch
    first.close()
    second = Store.open(tmp_path)
    with second.read() as rx:
        assert rx.count(records.User) == 1
    assert second.epoch == epoch
    second.close()


def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    with pytest.raises(StateError, match="another server is running"):
        Store.open(tmp_path)
    first.close()
    Store.open(tmp_path).close()


@pytest.mark.parametrize("url", ["nonsense", "oracle+none://x/y"])
def test_an_unusable_url_is_one_line(url: str) -> None:
    with pytest.raises(ConfigError):
        Store(url)


def test_every_record_has_a_table_with_its_fields() -> None:
    for kind, table in TABLES.items():
        assert [field.name for field in dataclasses.fields(kind)] == list(table.c.keys())
    declared = {kind for kind in vars(records).values() if dataclasses.is_dataclass(kind)}
    assert declared == set(TABLES)


def test_rows_come_back_equal(world: World) -> None:
    row = records.NetworkOffering(
        name="o", display_text="ö", guest_type="L2", services={"Dhcp": ("a", "b")}, details={"k": "v"}, zones=("z",), network_rate=200
    )
    with world.store.write("test") as tx:
        tx.add(row)
    with world.store.read() as rx:
        assert rx.get(records.NetworkOffering, row.id) == row


def test_conditions(world: World) -> None:
    with world.store.write("test") as tx:
        tx.add_all([records.Zone(name=name, created=float(at)) for at, name in enumerate(("Alpha", "beta", "50% off"))])
    with world.store.read() as rx:

        def names(**where: object) -> list[str]:
            return [one.name for one in rx.all(records.Zone, **where)]

        assert names(name=Fold("ALPHA")) == ["Alpha"]
        assert names(name=Contains("ET")) == ["beta"]
        assert names(name=Contains("%")) == ["50% off"]
        assert names(name=["Alpha", "beta"]) == ["Alpha", "beta"]
        assert names(name=()) == []
        assert names(dns1=None, keyword=Keyword("pha", "name", "dns1")) == ["Alpha"]
        assert [one.name for one in rx.all(records.Zone, order="created", limit=2, offset=1)] == ["beta", "50% off"]
        assert [one.name for one in rx.all(records.Zone, order="-created", limit=1)] == ["z1"]
        assert rx.count(records.Zone) == 4
        with pytest.raises(KeyError):
            rx.all(records.Zone, colour="red")


def test_a_clash_names_the_fields_and_changes_nothing(world: World) -> None:
    def clash() -> None:
        with world.store.write("test") as tx:
            tx.add(records.Pod(zone=world.zone, name="pod2"))
            tx.add(records.Zone(name="z1"))

    with pytest.raises(RequestError, match=r"zones.name is taken") as caught:
        clash()
    assert caught.value.code == 431
    assert world.rows(records.Pod) == 1


def test_a_reference_to_nothing_is_refused(world: World) -> None:
    with pytest.raises(RequestError, match="does not exist"), world.store.write("test") as tx:
        tx.add(records.Pod(zone="nowhere", name="p"))


def test_deleting_what_is_in_use_is_refused_with_536(world: World) -> None:
    with pytest.raises(RequestError) as caught, world.store.write("test") as tx:
        tx.delete(records.Zone, world.zone)
    assert (caught.value.code, caught.value.cs_code) == (536, 4375)


def test_deleting_everything_by_accident_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="condition"), world.store.write("test") as tx:
        tx.delete_where(records.Host)


def test_update_says_what_is_not_there(world: World) -> None:
    with world.store.write("test") as tx:
        assert tx.update(records.Zone, world.zone, dns1="192.0.2.53").dns1 == "192.0.2.53"
        with pytest.raises(LookupError):
            tx.update(records.Zone, "nowhere", dns1="x")
        with pytest.raises(KeyError):
            tx.update(records.Zone, world.zone, colour="red")


def test_an_exception_rolls_back_and_takes_no_revision(world: World) -> None:
    with world.store.read() as rx:
        before = rx.zone_revision(world.zone)

    def fail() -> None:
        with world.store.write("test") as tx:
            tx.touch_host(world.hosts[0])
            tx.update(records.Host, world.hosts[0], name="other")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with world.store.read() as rx:
        assert rx.zone_revision(world.zone) == before
        assert rx.one(records.Host, name="other") is None


def test_a_write_within_a_write_is_refused_instead_of_hanging(world: World) -> None:
    with world.store.write("outer"), pytest.raises(RuntimeError, match="within a write"), world.store.write("inner"):
        pass


# --- settings


def test_a_zone_value_wins_over_the_global_one_and_that_over_the_default(world: World) -> None:
    name = "vxloom.job.deadline"
    with world.store.write("test") as tx:
        assert tx.setting_float(name, world.zone) == 30
        tx.set_setting(name, "40")
        assert tx.setting_float(name, world.zone) == 40
        tx.set_setting(name, "50", world.zone)
        tx.set_setting(name, "51", world.zone)
        assert (tx.setting_float(name), tx.setting_float(name, world.zone)) == (40, 51)
        tx.reset_setting(name, world.zone)
        assert tx.setting_float(name, world.zone) == 40
        assert tx.count(records.Configuration) == 1


@pytest.mark.parametrize(
    ("name", "value", "zone"),
    [
        ("no.such", "1", False),
        ("default.page.size", "many", False),
        ("vxloom.job.peers.required", "yes", False),
        ("default.page.size", "1", True),
        ("vxloom.port.storm.limit", "-1", False),
        ("vxloom.port.storm.limit", "1000001", True),
        ("vxloom.port.storm.limit", "1.5", False),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a question of text, not of the database
def test_a_bad_setting_is_refused(world: World, name: str, value: str, zone: bool) -> None:
    with pytest.raises(RequestError), world.store.write("test") as tx:
        tx.set_setting(name, value, world.zone if zone else None)


def test_every_default_fits_its_type() -> None:
    assert [one.problem(one.default) for one in CATALOGUE.values() if one.default] == [""] * sum(
        bool(one.default) for one in CATALOGUE.values()
    )
    assert all(one.description.endswith(".") for one in CATALOGUE.values())


# --- alerts, jobs


def test_an_alert_is_open_once(world: World) -> None:
    with world.store.write("test") as tx:
        first = tx.alert("host.silent", "h1", "no word")
        assert tx.alert("host.silent", "h1", "no word for long").id == first.id
        tx.resolve_alert("host.silent", "h1")
        assert tx.alert("host.silent", "h1", "again").id != first.id
        assert tx.count(records.Alert, resolved=None) == 1


def test_a_finished_job_stays_as_it_is(world: World) -> None:
    with world.store.write("test") as tx:
        job = tx.start_job(command="deployVirtualMachine", account="a", user="u", context={"n": 1})
        tx.wait_host(job.id, world.hosts[0], records.WaitRole.MUST)
        done = tx.finish_job(job.id, {"errortext": "no"}, failed=True)
        assert (done.status, done.result_code) == (records.JobStatus.FAILED, 530)
        assert tx.finish_job(job.id, {"success": True}) == done
        assert (tx.waits(job.id), tx.pending_jobs()) == ([], [])

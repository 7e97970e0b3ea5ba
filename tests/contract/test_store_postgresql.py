"""What the store promises on PostgreSQL beyond the laws it keeps on both: turns between processes, one server, plain words on failure."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from cs import CloudStackApiException

from tests.api.world import running
from tests.postgres import Cluster, programs
from tests.unit.store.world import World
from tests.waiting import wait_until
from vxloom.errors import ConfigError, RequestError, StateError
from vxloom.store import Store, backup, records, renew_epoch, restore
from vxloom.store.schema import METADATA

VXLOOM = Path(sys.executable).parent / "vxloom"


@pytest.fixture
def url(postgresql: Cluster) -> Iterator[str]:
    with postgresql.database() as url:
        yield url


@pytest.fixture
def empty(postgresql: Cluster) -> Iterator[str]:
    with postgresql.database(empty=True) as url:
        yield url


@pytest.fixture
def world(url: str) -> Iterator[World]:
    made = World.make(url)
    yield made
    made.store.close()


def test_migrating_from_empty_gives_exactly_the_tables(empty: str) -> None:
    store = Store(empty)
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    store.close()


def test_many_may_open_an_empty_database_at_once(empty: str) -> None:
    program = "import sys; from vxloom.store import Store; store = Store(sys.argv[1]); print(store.epoch); store.close()"
    opening = [subprocess.Popen([sys.executable, "-c", program, empty], stdout=subprocess.PIPE) for _ in range(3)]
    epochs = {one.communicate(timeout=60)[0] for one in opening}
    assert [one.returncode for one in opening] == [0] * 3
    assert len(epochs) == 1


def test_a_newer_schema_and_a_foreign_database_are_held(url: str, empty: str) -> None:
    newer, foreign = Store(url), Store(empty)
    with newer._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with pytest.raises(StateError, match="9999"):
        Store(url)
    with foreign._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    foreign.close()
    with pytest.raises(StateError, match="not vxloom's"):
        Store(empty)


def test_two_processes_writing_decide_one_after_the_other(world: World) -> None:
    """Each takes away one of a segment's last two ports. If neither saw the other's, the segment would stay on the host for ever."""
    host = world.hosts[0]
    with world.store.write("test") as tx:
        network = world.segment(tx)
        first, second = world.nic(tx, network), world.nic(tx, network)
        tx.bind(first, host)
        tx.bind(second, host)
    other = Store(world.store.url)
    done = threading.Event()

    def withdraw() -> None:
        with other.write("other") as tx:
            tx.unbind(second, host)
        done.set()

    def waits_or_is_done() -> bool:
        with world.store.read() as rx:
            waiting = rx.connection.exec_driver_sql(
                "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                " WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()"
            )
            return done.is_set() or waiting.first() is not None

    thread = threading.Thread(target=withdraw)
    with world.store.write("test") as tx:
        tx.unbind(first, host)
        thread.start()
        wait_until(waits_or_is_done, "the other process waits for its turn, or took it")
    thread.join(30)
    other.close()
    assert set(world.document(host)[1]) == {first, second}
    assert len(world.document(host)[2]) == 1, "the segment's tombstone"


def test_a_read_is_of_one_moment(world: World) -> None:
    with world.store.read() as rx:
        before = rx.count(records.Event)
        with world.store.write("test") as tx:
            tx.event("X", "came meanwhile")
        assert rx.count(records.Event) == before
    assert world.rows(records.Event) == before + 1


def test_a_second_server_on_the_same_database_is_refused(postgresql: Cluster, url: str, tmp_path: Path) -> None:
    first = Store.open(tmp_path / "one", url)
    with pytest.raises(StateError, match="another server is running on") as caught:
        Store.open(tmp_path / "two", url)
    assert postgresql.password not in str(caught.value)
    first.close()
    Store.open(tmp_path / "two", url).close()


def test_connections_lost_while_idle_cost_nobody_a_request(world: World, postgresql: Cluster) -> None:
    """PostgreSQL was restarted between two requests."""
    postgresql.cut()
    assert world.rows(records.Zone) == 1
    postgresql.cut()
    with world.store.write("test") as tx:
        tx.event("X", "after the cut")


def test_a_connection_lost_in_the_middle_undoes_the_write_and_says_so(world: World, postgresql: Cluster) -> None:
    def write() -> None:
        with world.store.write("test") as tx:
            tx.event("X", "not to be seen")
            postgresql.cut()

    with pytest.raises(StateError, match="check that PostgreSQL runs"):
        write()
    assert world.rows(records.Event, type="X") == 0


def test_a_value_it_cannot_keep_is_the_callers_mistake(world: World) -> None:
    with pytest.raises(RequestError, match="cannot keep this value") as caught, world.store.write("test") as tx:
        tx.add(records.Zone(name="nul\0"))
    assert caught.value.code == 431


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("/test", "/nowhere", "does not exist"), (":", ":wrong", "authentication failed"), ("/mnt/run", "/mnt/nowhere", "the server running")],
)
def test_what_cannot_be_reached_is_one_line_without_the_password(postgresql: Cluster, url: str, old: str, new: str, says: str) -> None:
    scheme, rest = url.split("://")
    wrong = f"{scheme}://{rest.replace(old, new, 1)}"
    with pytest.raises(StateError, match=says) as caught:
        Store(wrong)
    assert "\n" not in str(caught.value)
    assert postgresql.password not in str(caught.value)


def test_backup_and_restore_name_the_tools_to_use(url: str, tmp_path: Path) -> None:
    for attempt in (backup, restore):
        with pytest.raises(ConfigError, match=r"pg_dump .* pg_restore, then `vxloom server new-epoch`"):
            attempt(tmp_path, url, tmp_path / "file")
    (tmp_path / "file").touch()
    for command in ("backup", "restore"):
        said = subprocess.run(
            [VXLOOM, "server", "--data", tmp_path, "--database", url, command, tmp_path / "file"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode != 0
        assert "pg_dump" in said.stderr
        assert "Traceback" not in said.stderr


def test_a_database_put_back_is_given_a_new_epoch(world: World, empty: str, tmp_path: Path) -> None:
    """The way docs/how-to/postgresql.md tells."""
    with world.store.read() as rx:
        before = rx.zone_revision(world.zone)
    with pytest.raises(StateError, match="there is no store in"):
        renew_epoch(tmp_path, empty)
    dump = [programs() / "pg_dump", "--format=custom", "--file", tmp_path / "dump", world.store.url.replace("+psycopg", "")]
    subprocess.run(dump, check=True)
    with world.store.write("test") as tx:
        tx.touch_host(world.hosts[0])
    put_back = [programs() / "pg_restore", "--dbname", empty.replace("+psycopg", ""), tmp_path / "dump"]
    subprocess.run(put_back, check=True)
    said = subprocess.run(
        [VXLOOM, "server", "--data", tmp_path, "--database", empty, "new-epoch"], capture_output=True, text=True, check=True
    )
    restored = Store(empty)
    assert f"new epoch {restored.epoch}\n" in said.stdout
    assert restored.epoch != world.store.epoch
    assert restored.knows(world.zone, *before)
    with world.store.read() as rx:
        assert not restored.knows(world.zone, *rx.zone_revision(world.zone))
    restored.close()


def test_no_new_epoch_under_a_running_server(url: str, tmp_path: Path) -> None:
    server = Store.open(tmp_path / "one", url)
    with pytest.raises(StateError, match="another server is running"):
        renew_epoch(tmp_path / "two", url)
    server.close()


def test_a_server_runs_on_it_and_outlives_its_absence(postgresql: Cluster, empty: str, tmp_path: Path) -> None:
    with running(tmp_path, "--database", empty) as server:
        api = server.client()
        assert api.listZones() == {}
        made = api.createZone(name="z1", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]
        with postgresql.away(empty), pytest.raises(CloudStackApiException, match="check that PostgreSQL runs") as caught:
            api.listZones()
        assert postgresql.password not in str(caught.value)
        assert [zone["id"] for zone in api.listZones(keyword="Z")["zone"]] == [made["id"]]
        assert server.stop() == 0


def test_a_password_and_its_session_on_it(empty: str, tmp_path: Path) -> None:
    with running(tmp_path, "--database", empty) as server, requests.Session() as browser:
        command = [str(VXLOOM), "server", "--data", str(server.data), "--database", empty, "password", "admin"]
        subprocess.run(command, input="secret\n", text=True, check=True, capture_output=True, timeout=30)
        endpoint = server.exports["CLOUDSTACK_ENDPOINT"]
        form = {"command": "login", "username": "ADMIN", "password": "secret", "response": "json"}
        key = browser.post(endpoint, data=form, timeout=30).json()["loginresponse"]["sessionkey"]
        asked = {"command": "listUsers", "response": "json", "sessionkey": key}
        assert browser.get(endpoint, params=asked, timeout=30).json()["listusersresponse"]["count"] == 1
        assert browser.get(endpoint, params=asked | {"sessionkey": "\x01é"}, timeout=30).status_code == 401
        assert browser.get(endpoint, params=asked, timeout=30).status_code == 401
        odd = browser.post(endpoint, data=form | {"domainid": "x" * 200, "username": "ü%_"}, timeout=30)
        assert odd.status_code == 531

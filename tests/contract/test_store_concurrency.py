"""Many writers, some killed with -9: nothing twice, nothing lost, nothing leaked, and revisions in commit order."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.store.world import World
from tests.waiting import wait_until
from vxloom.model.intent import BindingState
from vxloom.store import Store, records

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Size:
    """How many write how often, and which are killed after how many lines."""

    processes: int
    threads: int
    rounds: int
    doomed: dict[int, int]


_SIZES = {"sqlite": Size(5, 10, 6, {0: 15, 1: 45, 2: 75}), "postgresql": Size(2, 6, 4, {0: 20})}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    made = World.make(database, vnis="5000-16777214", hosts=1)
    with made.store.write("test") as tx:
        common = made.segment(tx, "common", cidr="10.0.0.0/16", gateway="10.0.0.1", ip6_cidr=None)
        made.nic(tx, common)
    yield made
    made.store.close()


@contextmanager
def writers(world: World, size: Size, ledgers: list[Path]) -> Iterator[list[subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "tests.contract.store_writer", world.store.url]
    running = [subprocess.Popen([*command, str(ledger), str(size.threads), str(size.rounds)], cwd=_ROOT) for ledger in ledgers]
    try:
        yield running
    finally:
        for one in running:
            one.kill()
            one.wait()


def lines(ledger: Path) -> list[str]:
    return ledger.read_text().split() if ledger.exists() else []


def check(world: World, noted: list[str]) -> None:
    """Everything the laws of the store say of its rows, after whatever happened."""
    with world.store._engine.connect() as database:
        if database.dialect.name == "sqlite":
            assert database.exec_driver_sql("PRAGMA integrity_check").all() == [("ok",)]
            assert database.exec_driver_sql("PRAGMA foreign_key_check").all() == []

        def values(query: str) -> list[object]:
            return list(database.exec_driver_sql(query).scalars())

        for twice in (
            "SELECT vni FROM vni_allocations GROUP BY zone, vni HAVING count(*) > 1",
            "SELECT vni FROM networks WHERE vni IS NOT NULL GROUP BY zone, vni HAVING count(*) > 1",
            "SELECT mac FROM nics GROUP BY mac HAVING count(*) > 1",
            "SELECT n.network FROM nic_ips i JOIN nics n ON n.id = i.nic GROUP BY n.network, i.address HAVING count(*) > 1",
        ):
            assert values(twice) == [], f"given twice: {twice}"
        for leaked in (
            "SELECT a.vni FROM vni_allocations a LEFT JOIN networks n ON n.id = a.network AND n.vni = a.vni WHERE n.id IS NULL",
            "SELECT n.vni FROM networks n LEFT JOIN vni_allocations a ON n.id = a.network AND n.vni = a.vni WHERE a.id IS NULL AND n.vni>0",
            "SELECT a.mac FROM mac_allocations a LEFT JOIN nics n ON n.id = a.nic AND n.mac = a.mac WHERE n.id IS NULL",
            "SELECT a.address FROM ip_allocations a LEFT JOIN nic_ips i ON i.nic = a.nic AND i.address = a.address WHERE i.id IS NULL",
            "SELECT i.address FROM nic_ips i LEFT JOIN ip_allocations a ON i.nic = a.nic AND i.address = a.address WHERE a.id IS NULL",
        ):
            assert values(leaked) == [], f"without its owner: {leaked}"
        present = set(values("SELECT id FROM networks UNION SELECT id FROM nics"))
        kept, deleted = ({name[1:] for name in noted if name[0] == sign} for sign in "+-")
        assert kept <= present, "lost after its commit"
        assert not deleted & present, "came back after its deletion was committed"
        assert_revisions(values)


def assert_revisions(values: Callable[[str], list[object]]) -> None:
    [top] = values("SELECT revision FROM zones")
    taken = values("SELECT revision FROM revisions ORDER BY revision")
    assert taken == list(range(1, top + 1))
    assert set(values("SELECT DISTINCT revision FROM changes")) <= set(taken)
    for column in ("beliefs.since", "beliefs.gone_revision", "vni_allocations.release_revision", "mac_allocations.release_revision"):
        table, name = column.split(".")
        assert values(f"SELECT count(*) FROM {table} WHERE {name} NOT BETWEEN 0 AND {top}") == [0], column
    newest = "SELECT max(c.revision) FROM changes c WHERE c.key = networks.id AND c.op = 'put'"
    assert values(f"SELECT id FROM networks WHERE revision <> ({newest})") == []


def test_many_writers_and_kills(world: World, tmp_path: Path) -> None:
    began = time.monotonic()
    size = _SIZES[world.store._engine.dialect.name]
    ledgers = [tmp_path / f"ledger{number}" for number in range(size.processes)]
    with writers(world, size, ledgers) as running:
        doomed = dict(size.doomed)

        def kill_those_due() -> bool:
            for number, enough in tuple(doomed.items()):
                if len(lines(ledgers[number])) >= enough:
                    running[number].send_signal(signal.SIGKILL)
                    del doomed[number]
            return not doomed

        wait_until(kill_those_due, "those to be killed have written", seconds=60)
        assert [one.wait(60) for one in running] == [-signal.SIGKILL if number in size.doomed else 0 for number in range(size.processes)]
    check(world, [line for ledger in ledgers for line in lines(ledger)])
    with writers(world, size, [tmp_path / "late"]) as [late]:
        assert late.wait(60) == 0
    check(world, [line for ledger in (*ledgers, tmp_path / "late") for line in lines(ledger)])
    made = sum(name.startswith("+") for ledger in ledgers for name in lines(ledger))
    spent = time.monotonic() - began
    print(f"{made} rows kept, {len(size.doomed)} of {size.processes} processes with {size.threads} writers killed: {spent:.1f} s")


def test_a_reader_never_sees_a_revision_appear_below_one_it_saw(world: World) -> None:
    """Commit order is revision order: else a gateway that asks "after n" would miss changes."""
    with world.store.write("test") as tx:
        network = world.segment(tx, "n", cidr="10.9.0.0/16", gateway="10.9.0.1")
        nics = [world.nic(tx, network) for _ in range(8)]
    stores = [world.store, Store(world.store.url)]  # the second one stands for another process: no lock in common but the database's
    told: list[int] = []
    for store in stores:
        store.subscribe(lambda zone, revision: told.append(revision))
    stop = threading.Event()
    seen: list[int] = []
    gaps: list[tuple[int, list[int]]] = []

    def read() -> None:
        last = 0
        while not stop.is_set():
            with world.store.read() as rx:
                top = rx.zone_revision(world.zone)[0]
                fresh = [row.revision for row in rx.all(records.Revision, order="revision", zone=world.zone) if row.revision > last]
            if fresh != list(range(last + 1, top + 1)):
                gaps.append((last, fresh))
            seen.extend(fresh)
            last = top

    def write(store: Store, nic: str) -> None:
        for turn in range(10):
            with store.write("test") as tx:
                tx.bind(nic, world.hosts[0], BindingState.ACTIVE if turn % 2 else BindingState.OUTGOING)

    reader = threading.Thread(target=read)
    workers = [threading.Thread(target=write, args=(stores[number % 2], nic)) for number, nic in enumerate(nics)]
    reader.start()
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    with world.store.read() as rx:
        top = rx.zone_revision(world.zone)[0]
    wait_until(lambda: seen and seen[-1] == top, "the reader has read all")
    stop.set()
    reader.join()
    stores[1].close()
    assert gaps == []
    assert sorted(told) == list(range(top - 79, top + 1))


def test_a_subscriber_that_fails_does_not_undo_the_commit(world: World, caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []

    def fail(zone: str, revision: int) -> None:
        raise OSError("gateway is gone")

    world.store.subscribe(fail)
    world.store.subscribe(lambda zone, revision: told.append(revision))
    with world.store.write("test") as tx:
        tx.touch_host(world.hosts[0])
    assert told == [tx.revisions[world.zone]]
    assert "a subscriber failed" in caplog.text


def test_two_processes_see_each_other(world: World) -> None:
    other = Store(world.store.url)
    with other.write("other") as tx:
        tx.touch_host(world.hosts[0])
    assert other.epoch == world.store.epoch
    with world.store.read() as rx:
        assert rx.zone_revision(world.zone)[0] == tx.revisions[world.zone]
    other.close()

"""The store: one database, opened, migrated, and lent out as transactions."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from vxloom.errors import StateError
from vxloom.store import bootstrap, engine, migrate
from vxloom.store import records as r
from vxloom.store.bindings import Acknowledgement, Reaped
from vxloom.store.reading import ReadTransaction
from vxloom.store.transaction import Transaction

Callback = Callable[[str, int], None]
"""(zone id, revision), after commit. A hint: two commits' calls may overtake each other."""

_log = logging.getLogger(__name__)


class _Writing(threading.local):
    """Whether this thread is within a write."""

    active = False

    def __enter__(self) -> None:
        self.active = True

    def __exit__(self, *_: object) -> None:
        self.active = False


class Store:
    """Intent at rest. Safe to share between threads; each process opens its own."""

    def __init__(self, url: str) -> None:
        """Open, migrate, and fill if empty. Raises :class:`ConfigError` (URL, driver), :class:`StateError` (file not ours, or newer)."""
        self.url = url
        self._resources = ExitStack()
        self._callbacks: list[Callback] = []
        self._writing = _Writing()
        self._engine = engine.make_engine(url)
        self._resources.callback(self._engine.dispose)
        file = engine.sqlite_file(url)
        # The database has one writer; a queue in front of its lock is fair and cheap. SQLite's waiting is neither, PostgreSQL's costs a
        # connection for each who waits.
        self._turn = threading.Lock()
        try:
            self.epoch = self._open(file)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, data: Path, database: str = "") -> Store:
        """Open a server's store: ``database``, or SQLite in ``data``.

        Holds the locks of folder and database until closed: a second server is refused.
        """
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = lock_folder(data)
        try:
            store = cls(database or engine.sqlite_url(data))
        except BaseException:
            os.close(lock)
            raise
        store._resources.callback(os.close, lock)
        try:
            store._resources.callback(engine.hold_server_lock(store._engine))
        except BaseException as error:
            store.close()
            if isinstance(error, DatabaseError):
                raise engine.database_error(error, store._engine.url) from error
            raise
        return store

    def _open(self, file: Path | None) -> str:
        if file is not None and not file.exists():
            file.touch(mode=0o600)  # holds API keys
        try:
            with self._connect(write=True) as connection, connection.begin():
                migrate.upgrade(connection)
                known = ReadTransaction(connection, "").get(r.Meta, "epoch")
                tx = Transaction(connection, known.value if known else str(uuid.uuid4()), "vxloom")
                if known is None:
                    tx.add(r.Meta(id="epoch", value=tx.epoch))
                    bootstrap.begin(tx)
                bootstrap.complete(tx)
                return tx.epoch
        except DatabaseError as error:
            raise engine.database_error(error, self._engine.url) from error

    def close(self) -> None:
        """Give connections and lock back."""
        self._resources.close()

    def _connect(self, *, write: bool) -> sa.Connection:
        return engine.lend(self._engine, write=write)

    # --- transactions

    @contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """Lend one consistent view. Raises :class:`StateError` when the database fails."""
        try:
            with self._connect(write=False) as connection, connection.begin():
                yield ReadTransaction(connection, self.epoch)
        except DatabaseError as error:
            raise engine.database_error(error, self._engine.url) from error

    @contextmanager
    def write(self, actor: str) -> Iterator[Transaction]:
        """Lend a transaction: committed at the end with its revisions, rolled back on any exception. Subscribers are told after.

        Never nested: one thread writes one transaction at a time. Raises :class:`StateError` when the database fails.
        """
        if self._writing.active:
            raise RuntimeError("a write within a write: pass the transaction on instead")
        try:
            with self._turn, self._writing, self._connect(write=True) as connection, connection.begin():
                tx = Transaction(connection, self.epoch, actor)
                yield tx
                tx.finish()
        except DatabaseError as error:
            raise engine.database_error(error, self._engine.url) from error
        for zone, revision in tx.revisions.items():
            self._tell(zone, revision)

    def _tell(self, zone: str, revision: int) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(zone, revision)
            except Exception:  # noqa: BLE001 - the commit stands whatever a listener does; it must not look failed to its writer
                _log.exception("a subscriber failed on revision %d of zone %s", revision, zone)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have a quick function called after every commit that took a revision, from the writer's thread. Return what ends it."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    # --- what gateways ask and say

    def knows(self, zone_id: str, revision: int, nonce: str) -> bool:
        """Tell whether a revision someone remembers is of this store's own history."""
        if revision == 0:
            return True
        with self.read() as rx:
            return rx.one(r.Revision, zone=zone_id, revision=revision, nonce=nonce) is not None

    def acknowledge(self, *acks: Acknowledgement) -> tuple[str, ...]:
        """Take hosts' acknowledgements, all in one transaction; none at all when nothing waits for them.

        Return the ids of jobs one of whose waits was satisfied.
        """
        with self.read() as rx:
            wanted = [ack for ack in acks if rx.awaited(ack.host, ack.segments)]
        if not wanted:
            return ()
        with self.write("gateway") as tx:
            return tx.acknowledge(wanted)

    def report_held(self, host_id: str, vnis: Iterable[int]) -> None:
        """Take the VNIs a host says it holds (at every :class:`~vxloom.model.wire.Hello`): unknown ones stay out of the pool (law 7)."""
        held = set(vnis)
        with self.read() as rx:
            known = {int(row.key) for row in rx.all(r.Belief, host=host_id, kind=[r.BeliefKind.SEGMENT, r.BeliefKind.HELD])}
            stale = {int(row.key) for row in rx.all(r.Belief, host=host_id, kind=r.BeliefKind.HELD)} - held
        if held <= known and not stale:
            return
        with self.write("gateway") as tx:
            host = tx.get(r.Host, host_id)
            if host is not None:
                tx.report_held(host, held)

    def reap(self) -> Reaped:
        """Return allocations to their pools that no host can believe in any more."""
        with self.read() as rx:
            if not any(rx.count(kind, state=r.AllocationState.DRAINING) for kind in (r.VniAllocation, r.MacAllocation, r.IpAllocation)):
                return Reaped()
        with self.write("reap") as tx:
            return tx.reap()


def lock_folder(data: Path) -> int:
    """Lock a server's data folder and return the open lock. Raises :class:`StateError` while another process has it."""
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StateError(f"another server is running on {data}", remedy="stop it first") from None
    return lock

"""A throw-away PostgreSQL for tests: one cluster a session, one database a test, nothing on disk, no port.

The cluster lives in namespaces of its own (mounts, processes, System V memory), all its files on a tmpfs in there; its Unix socket is
reached through ``/proc/PID/root``. However the run ends, the kernel kills the first process with it, and then everything else is gone.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.waiting import wait_until
from vxloom.store import Store

_USER = "postgres"
# Sorted by linguistic rules, unlike Python and SQLite: a test that relies on the database's order of texts fails here.
_INITDB = "--auth=md5 --no-sync --encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US --wal-segsize=1"
_SETTINGS = "-c listen_addresses= -c fsync=off -c shared_buffers=32MB -c min_wal_size=4MB -c max_wal_size=32MB -c max_connections=100"
# The shell is process 1: it dies with the run, and the kernel then kills its namespace. PostgreSQL refuses to be root; where only one
# user exists (root of a user namespace), a further user namespace gives that one another number.
_LIFE = f"""
set -e
umask 022
mount -t tmpfs none /mnt
mkdir -m 700 /mnt/data /mnt/run
printf %s "$PASSWORD" >/mnt/password
if chown {_USER}: /mnt/data /mnt/run 2>/dev/null; then
    drop="setpriv --reuid {_USER} --regid {_USER} --clear-groups"
else
    drop="unshare --user --map-user=1000 --map-group=1000"
fi
cd /mnt
$drop "$BIN/initdb" -D /mnt/data -U {_USER} --pwfile=/mnt/password {_INITDB} >/mnt/initdb.log 2>&1 || {{ cat /mnt/initdb.log; exit 1; }}
$drop "$BIN/postgres" -D /mnt/data -c "unix_socket_directories=/mnt/run" {_SETTINGS} 2>&1 &
wait
"""


def programs() -> Path:
    """The newest PostgreSQL's folder of programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    assert found, "PostgreSQL is not installed: run `make setup`"
    return found[-1].parent


class Cluster:
    """A running cluster and its databases."""

    def __init__(self) -> None:
        self.password = secrets.token_hex(8)
        self._numbers = iter(range(1_000_000))
        environment = {**os.environ, "PASSWORD": self.password, "BIN": str(programs()), "LC_ALL": "C.UTF-8"}
        rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", *rights, "--mount", "--ipc", "--pid", "--fork", "--kill-child"]
        self._process = subprocess.Popen(
            [*command, "sh", "-c", _LIFE], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._control: sa.Engine | None = None
        self._said: list[bytes] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            self._first = wait_until(lambda: children.read_text().strip(), "the namespaces are made")
            self._control = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", pool_size=1)
            wait_until(self._answers, "PostgreSQL answers", seconds=30)
            self._say('CREATE DATABASE "empty_store"')
            Store(self.url("empty_store")).close()
        except BaseException:
            self.stop()
            raise

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self._said.extend(self._process.stdout)

    def _answers(self) -> bool:
        assert self._process.poll() is None, b"".join(self._said).decode()
        with suppress(OperationalError):
            self._say("SELECT 1")
            return True
        return False

    def _say(self, statement: str) -> None:
        assert self._control is not None
        with self._control.connect() as connection:
            connection.exec_driver_sql(statement)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{_USER}:{self.password}@/{name}?host=/proc/{self._first}/root/mnt/run"

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a new database, with a new store in it unless ``empty``. All these stores share one epoch."""
        name = f"test{next(self._numbers)}"
        self._say(f'CREATE DATABASE "{name}" TEMPLATE "{"template1" if empty else "empty_store"}"')
        try:
            yield self.url(name)
        finally:
            self._say(f'DROP DATABASE "{name}" WITH (FORCE)')

    def cut(self) -> None:
        """End every connection but ours, as a restart of PostgreSQL does."""
        self._say(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """Have a database accept nobody meanwhile: what its users see when PostgreSQL is stopped."""
        name = sa.make_url(url).database
        self._say(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        self.cut()
        try:
            yield
        finally:
            self._say(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    def stop(self) -> None:
        if self._control is not None:
            self._control.dispose()
        self._process.kill()
        self._process.wait(30)
        self._listener.join(30)
        if self._process.stdout is not None:
            self._process.stdout.close()

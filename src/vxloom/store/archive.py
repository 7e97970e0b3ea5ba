"""Backup and restore of a server's data folder: one tar file with the database, the CA and the admin's keys."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from vxloom.errors import ConfigError, StateError
from vxloom.store import engine, migrate
from vxloom.store import records as r
from vxloom.store.store import Store, lock_folder

_DATABASE = "store.db"
_NEVER = frozenset({_DATABASE, f"{_DATABASE}-wal", f"{_DATABASE}-shm", "lock"})
_ASIDE = "replaced-"
"""What a restore replaced is kept in a folder of this prefix."""


def backup(data: Path, database: str, target: Path) -> None:
    """Write a consistent copy of a (running or stopped) server's data folder into ``target``, mode 0600.

    Raises :class:`ConfigError` for another database than SQLite, :class:`StateError` when there is nothing to copy or no room for it.
    """
    source = _file(data, database)
    if not source.exists():
        raise StateError(f"there is no store in {data}", remedy="give the server's --data")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            copy, tar = Path(folder, _DATABASE), Path(folder, "backup.tar")
            with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as into:
                live.backup(into)
            with (
                os.fdopen(os.open(tar, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
                tarfile.open(fileobj=out, mode="w") as archive,
            ):
                archive.add(copy, _DATABASE)
                for path in sorted(data.iterdir()):
                    if path.name not in _NEVER and not path.name.startswith(_ASIDE) and (path.is_file() or path.is_dir()):
                        archive.add(path, path.name)
                archive.close()
                out.flush()
                os.fsync(out.fileno())
            tar.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"cannot write {target}: {error}", remedy="check the path and the room left") from error


def restore(data: Path, database: str, source: Path) -> str:
    """Put a backup in place of a stopped server's data folder and return the store's new epoch.

    What was there before is kept in a folder ``replaced-<time>``. Under the new epoch agents add, and never prune, until a person
    confirms each host (law 6). Raises :class:`StateError` while a server runs, or for a file that is no sound backup; then nothing changed.
    """
    target = _file(data, database)
    if target != data / _DATABASE:
        raise ConfigError(f"database {target} is not in {data}", remedy="restore with the settings of the server that wrote the backup")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = lock_folder(data)
    try:
        with tempfile.TemporaryDirectory(dir=data, prefix=".restore-") as folder:
            staged = Path(folder)
            _extract(source, staged)
            epoch = _renew_epoch(staged / _DATABASE, source)
            _exchange(data, staged)
        return epoch
    finally:
        os.close(lock)


def beside(data: Path, database: str) -> Store:
    """Open a server's store whether the server runs or not, for one short write.

    Raises :class:`StateError` where there is none yet, or one of another version: a running server's is never migrated under it.
    """
    url = database or engine.sqlite_url(data)
    if not _holds_store(url):
        raise StateError(f"there is no store in {engine.shown(url)}", remedy="start the server once, or give its --data or --database")
    made = engine.make_engine(url)
    try:
        with made.connect() as connection:
            current = migrate.is_current(connection)
    except DatabaseError as error:
        raise engine.database_error(error, made.url) from error
    finally:
        made.dispose()
    if not current:
        raise StateError(f"the store in {engine.shown(url)} is of another vxloom", remedy="start this vxloom's server once")
    return Store(url)


def renew_epoch(data: Path, database: str) -> str:
    """Give a stopped server's store a new epoch and return it: for a database that was put back by other means than :func:`restore`.

    Raises :class:`StateError` while a server runs, or where there is no store yet.
    """
    url = database or engine.sqlite_url(data)
    if not _holds_store(url):
        raise StateError(f"there is no store in {engine.shown(url)}", remedy="give the server's --data and --database")
    store = Store.open(data, database)
    epoch = str(uuid.uuid4())
    try:
        with store.write("new-epoch") as tx:
            tx.update(r.Meta, "epoch", value=epoch)
    finally:
        store.close()
    return epoch


def _holds_store(url: str) -> bool:
    file = engine.sqlite_file(url)
    if file is not None and not file.exists():
        return False
    made = engine.make_engine(url)
    try:
        with made.connect() as connection:
            return migrate.version(connection) is not None
    except DatabaseError as error:
        raise engine.database_error(error, made.url) from error
    finally:
        made.dispose()


def _file(data: Path, database: str) -> Path:
    file = engine.sqlite_file(database or engine.sqlite_url(data))
    if file is None:
        raise ConfigError(
            "backup and restore are for SQLite; this server's database is PostgreSQL",
            remedy="use pg_dump and a copy of --data; to restore: pg_restore, then `vxloom server new-epoch` before the server starts",
        )
    return file


def _extract(source: Path, staged: Path) -> None:
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                _extract_member(archive, member, staged)
    except (OSError, tarfile.TarError) as error:
        raise StateError(f"cannot read backup {source}: {error}", remedy="give a file that `vxloom server backup` wrote") from error
    if not (staged / _DATABASE).is_file():
        raise StateError(f"{source} is not a backup of a vxloom server", remedy="give a file that `vxloom server backup` wrote")


def _extract_member(archive: tarfile.TarFile, member: tarfile.TarInfo, staged: Path) -> None:
    """Write one file or folder below ``staged``, private. Done by hand: Python 3.11.2, Debian 12's, has no extraction filters."""
    target = (staged / member.name).resolve()
    if not target.is_relative_to(staged.resolve()):
        raise tarfile.TarError(f"{member.name} would land outside the data folder")
    content = archive.extractfile(member) if member.isreg() else None
    if member.isdir():
        target.mkdir(mode=0o700, exist_ok=True)
    elif content is None:
        raise tarfile.TarError(f"{member.name} is neither a file nor a folder")
    else:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o700), "wb") as out:
            shutil.copyfileobj(content, out)
            out.flush()
            os.fsync(out.fileno())


def _renew_epoch(file: Path, source: Path) -> str:
    epoch = str(uuid.uuid4())
    bad = StateError(f"the store in {source} is damaged", remedy="use another backup")
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise bad
            if connection.execute("UPDATE meta SET value = ? WHERE id = 'epoch'", (epoch,)).rowcount != 1:
                raise bad
    except sqlite3.Error as error:
        raise bad from error
    made = engine.make_engine(f"sqlite:///{file}")
    try:
        with made.connect() as connection:
            schema = migrate.version(connection)
            if schema is None or not migrate.known(schema):
                raise StateError(
                    f"{source} has schema {schema}, which this vxloom does not know", remedy="restore with the vxloom that wrote it"
                )
    finally:
        made.dispose()
    return epoch


def _exchange(data: Path, staged: Path) -> None:
    """Move what is there aside, and what was staged in. The database goes last: until then the old one is found, or none."""
    aside = data / f"{_ASIDE}{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    aside.mkdir(mode=0o700)
    incoming = sorted(
        (path for path in staged.iterdir() if path.name not in {f"{_DATABASE}-wal", f"{_DATABASE}-shm"}),
        key=lambda path: path.name == _DATABASE,
    )
    for name in {path.name for path in incoming} | (_NEVER - {"lock"}):
        if (data / name).exists():
            shutil.move(data / name, aside / name)
    for path in incoming:
        shutil.move(path, data / path.name)
    if not any(aside.iterdir()):
        aside.rmdir()

"""Backup and restore of a data folder."""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path

import pytest

from tests.unit.store.world import World
from vxloom.errors import ConfigError, StateError
from vxloom.store import Store, backup, records, restore


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a store, a CA and keys."""
    folder = tmp_path / "data"
    folder.mkdir()
    World.make(folder / "store.db").store.close()
    (folder / "ca").mkdir()
    (folder / "ca/key.pem").write_text("secret")
    (folder / "admin.env").write_text("export CLOUDSTACK_KEY=k\n")
    return folder


def test_a_backup_of_a_running_server_holds_everything_and_is_private(data: Path, tmp_path: Path) -> None:
    store = Store.open(data)
    with store.write("test") as tx:
        tx.add(records.Zone(name="late"))
    backup(data, "", tmp_path / "b.tar")
    store.close()
    assert stat.S_IMODE((tmp_path / "b.tar").stat().st_mode) == 0o600
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert {"store.db", "ca", "ca/key.pem", "admin.env"} == set(archive.getnames())
    elsewhere = tmp_path / "elsewhere"
    restore(elsewhere, "", tmp_path / "b.tar")
    assert (elsewhere / "ca/key.pem").read_text() == "secret"
    restored = Store.open(elsewhere)
    with restored.read() as rx:
        assert rx.one(records.Zone, name="late") is not None
    restored.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "data", "elsewhere"]


def test_a_running_server_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    backup(data, "", tmp_path / "b.tar")
    store = Store.open(data)
    with pytest.raises(StateError, match="another server is running"):
        restore(data, "", tmp_path / "b.tar")
    store.close()


def test_what_was_there_is_kept(data: Path, tmp_path: Path) -> None:
    backup(data, "", tmp_path / "b.tar")
    (data / "admin.env").write_text("newer")
    restore(data, "", tmp_path / "b.tar")
    [kept] = data.glob("replaced-*")
    assert (kept / "admin.env").read_text() == "newer"
    assert (data / "admin.env").read_text() == "export CLOUDSTACK_KEY=k\n"
    backup(data, "", tmp_path / "again.tar")
    with tarfile.open(tmp_path / "again.tar") as archive:
        assert not [name for name in archive.getnames() if name.startswith("replaced")]


@pytest.mark.parametrize("content", [b"", b"no tar", "foreign", "torn"])
def test_a_bad_backup_changes_nothing(data: Path, tmp_path: Path, content: bytes | str) -> None:
    bad = tmp_path / "bad.tar"
    if content == "foreign":
        with tarfile.open(bad, "w") as archive:
            archive.add(data / "admin.env", "admin.env")
    elif content == "torn":
        (tmp_path / "store.db").write_bytes((data / "store.db").read_bytes()[:8192])
        with tarfile.open(bad, "w") as archive:
            archive.add(tmp_path / "store.db", "store.db")
    else:
        assert isinstance(content, bytes)
        bad.write_bytes(content)
    before = {path.name: path.read_bytes() for path in data.iterdir() if path.is_file()}
    with pytest.raises(StateError):
        restore(data, "", bad)
    assert {path.name: path.read_bytes() for path in data.iterdir() if path.is_file() and path.name != "lock"} == before


@pytest.mark.parametrize("name", ["../outside", "/outside", "link"])
def test_a_backup_that_reaches_outside_is_refused(data: Path, tmp_path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = (tarfile.SYMTYPE, "/") if name == "link" else (tarfile.REGTYPE, "")
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        archive.addfile(member)
    with pytest.raises(StateError, match="cannot read backup"):
        restore(data, "", tmp_path / "bad.tar")
    assert not (tmp_path / "outside").exists()


def test_no_store_no_backup(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no store"):
        backup(tmp_path, "", tmp_path / "b.tar")
    (tmp_path / "store.db").touch()
    with pytest.raises(StateError, match="cannot write"):
        backup(tmp_path, "", tmp_path / "no/such/b.tar")


def test_another_database_is_told_where_to_turn(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pg_dump"):
        backup(tmp_path, "postgresql+psycopg://db/vxloom", tmp_path / "b.tar")
    with pytest.raises(ConfigError, match="pg_dump"):
        restore(tmp_path, "postgresql+psycopg://db/vxloom", tmp_path / "b.tar")

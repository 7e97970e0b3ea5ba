"""A server that cannot start says why in one line, and starts nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.api.world import SCRIPTS, Server, free_port
from vxloom.store import Store, records


def started(data: Path, listen: str = "", *, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Start a server that must end by itself; else it is killed, and the test fails."""
    addresses = ["--listen", listen or f"127.0.0.1:{free_port()}", "--agent-listen", f"127.0.0.1:{free_port()}"]
    command = [*before, str(SCRIPTS / "vxloom"), "server", "--data", str(data), *addresses]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def refused(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode in {1, 2}
    assert done.stderr.startswith("vxloom: "), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert words in done.stderr


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "203.0.113.9:1"])
def test_an_address_that_is_none(tmp_path: Path, listen: str) -> None:
    refused(started(tmp_path / "data", listen), "cannot listen on")
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(started(tmp_path / "file" / "data"), "cannot use")


def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    script = f'mount -t tmpfs -o size=200k tmpfs {tmp_path}/disk && exec "$@"'
    refused(started(tmp_path / "disk" / "data", before=("unshare", "--mount", "sh", "-c", script, "sh")), "full")


def test_a_port_and_a_folder_in_use(server: Server, tmp_path: Path) -> None:
    refused(started(tmp_path / "data", f"127.0.0.1:{server.port}"), "Address already in use")
    refused(started(server.data), "another server is running")


def test_a_lost_ca_is_not_replaced_once_hosts_have_joined(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "data")
    with store.write("test") as tx:
        zone = tx.add(records.Zone(name="z"))
        pod = tx.add(records.Pod(zone=zone.id, name="p"))
        cluster = tx.add(records.Cluster(zone=zone.id, pod=pod.id, name="c"))
        host = tx.add_host(records.Host(zone=zone.id, pod=pod.id, cluster=cluster.id, name="h1"))
        tx.add(records.Certificate(id="1", host=host.id, key_hash="", not_after=0.0))
    store.close()
    refused(started(tmp_path / "data"), "restore")
    assert not (tmp_path / "data" / "ca").exists()

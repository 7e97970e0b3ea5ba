"""The package under a real systemd: units start, are started again, are upgraded while guests talk, and say why when they fail."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.machine.guest import SHARE, Guest
from tests.machine.package import VERSIONS, Place, packages

UNITS = ("vxloom-agent", "vxloom-server")


def sections(output: str) -> dict[str, str]:
    found = re.split(r"^=== (\w+) [\d.]+\n", output, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the machine said in each section of its one boot."""
    folder = tmp_path_factory.mktemp("machine")
    shared = folder / "share"
    shared.mkdir()
    for file in map(Path(__file__).with_name, ("cloud_inside.py", "systemd_inside.sh")):
        shutil.copy(file, shared)
    installed(folder, shared)
    upgrade(folder / "new", shared)
    done = Guest(folder).systemd(f"exec bash {SHARE}/systemd_inside.sh {VERSIONS[1]}", wants="systemd-journald.service", seconds=600)
    assert done.status == 0, done.output[-3000:] + done.console[-2000:]
    return sections(done.output)


def installed(folder: Path, shared: Path) -> None:
    """Make the machine's disk, without emulation: the older package is installed, and its server knows a zone and two hosts to come.

    dpkg's database goes into the shared folder. Of the machine's packages it names those that ours needs: the files of all others would
    be read. The libraries, which both versions have alike, it does not know: :func:`upgrade`.
    """
    needed = "python3 libc6 libnftables1 iproute2 kmod ethtool procps systemd"
    (folder / "place").mkdir()
    with Place(folder / "place") as place:
        place.take(packages()[0], "/tmp/old.deb")
        place.take(shared / "cloud_inside.py", "/tmp/cloud_inside.py")
        done = place.run(
            f"""set -e
            dpkg-query -s {needed} > /tmp/status; mount -t tmpfs dpkg /var/lib/dpkg; mkdir /var/lib/dpkg/info /var/lib/dpkg/updates
            mv /tmp/status /var/lib/dpkg/; dpkg -i /tmp/old.deb
            (cd /var/lib/dpkg/info && sed -i '{_LIBRARIES}' vxloom.list vxloom.md5sums); cp -r /var/lib/dpkg /srv/dpkg
            echo 'listen = "127.0.0.1:8080"' > /etc/vxloom/server.toml
            mkdir -p /var/lib/vxloom; install -d -o vxloom -g vxloom -m 700 /var/lib/vxloom/server
            setpriv --reuid=vxloom --regid=vxloom --clear-groups vxloom server & server=$!
            for each in $(seq 100); do [ -s /var/lib/vxloom/server/admin.env ] && break; sleep 0.1; done
            /usr/lib/vxloom/bin/python -I /tmp/cloud_inside.py cloud
            kill $server; wait $server"""
        )
        assert done.status == 0, done.output
        tree = folder / "tree"
        tree.mkdir()
        subprocess.run(["cp", "-a", place.changes, tree / "upper"], check=True)
    (tree / "upper" / "srv" / "dpkg").rename(shared / "dpkg")
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tree, folder / "disk", "2G"], check=True)
    shutil.rmtree(tree)


_LIBRARIES = "\\,site-packages/,{\\,site-packages/vxloom,!d}"
"""For sed: away with the lines that name libraries."""


def upgrade(tree: Path, shared: Path) -> None:
    """Put the newer package into the shared folder without its libraries: to unpack them takes a minute under emulation.

    tests/machine/test_package.py unpacks them all.
    """
    subprocess.run(["dpkg-deb", "-R", packages()[1], tree], check=True)
    for library in tree.glob("usr/lib/vxloom/lib/*/site-packages/*"):
        if not library.name.startswith("vxloom"):
            shutil.rmtree(library) if library.is_dir() else library.unlink()
    subprocess.run(["sed", "-i", _LIBRARIES, tree / "DEBIAN" / "md5sums"], check=True)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, shared / packages()[1].name], check=True)
    shutil.rmtree(tree)


def test_nothing_runs_by_being_installed(said: dict[str, str]) -> None:
    assert said["prepare"].split()[-4:] == ["disabled", "disabled", "inactive", "inactive"]


def test_what_is_configured_is_started_seen_healthy_and_left_alone(said: dict[str, str]) -> None:
    lines = said["services"].splitlines()
    assert {f"service: run systemctl {verb} {unit}.service" for verb in ("enable --quiet", "start --no-block") for unit in UNITS} <= set(
        lines
    )
    assert lines[-3].startswith("4 changes made")
    assert lines[-2:] == ["exit 0", "vxloom"], "the last is the server's user"
    assert said["again"].splitlines() == ["nothing to do", "exit 0"]


def test_an_upgrade_starts_what_runs_again(said: dict[str, str]) -> None:
    assert said["upgraded"].splitlines()[-2:] == ["both are other processes now", VERSIONS[1]]


def test_a_killed_agent_is_started_again(said: dict[str, str]) -> None:
    assert said["crash"].splitlines() == ["healthy again"]


def test_services_that_fail_are_told_of_with_the_line_of_their_log_that_says_why(said: dict[str, str]) -> None:
    told = said["refused"]
    assert "vxloom-agent.service does not run" in told
    assert "its log says: vxloom: /etc/vxloom/agent.toml: Expected `float`, got `str` - at `$.resync_seconds`" in told
    assert "cloudstack-agent.service does not run" in told
    assert "ERROR Unable to start agent: no bridge" in told
    assert told.rstrip().endswith("exit 1")
    assert said["mended"].rstrip().endswith("exit 0")


def test_undo_stops_and_disables_what_was_started(said: dict[str, str]) -> None:
    assert "stopped by hand, is-active says 3" in said["undo"], "what is stopped already does not keep undo from the rest"
    assert said["undo"].split()[-5:] == ["disabled", "disabled", "inactive", "inactive", "1"], "the tunnel stands while no agent runs"


def test_guests_lose_no_packet_by_upgrade_crash_restart_or_stop(said: dict[str, str]) -> None:
    sent, received = map(int, re.findall(r"(\d+) packets transmitted, (\d+) received", said["ping"])[0])
    assert sent > 1000
    assert received >= sent - 1, "the request under way when ping was stopped has no answer yet"

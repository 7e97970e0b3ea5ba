"""The Debian package, installed into a root of its own: what it brings, what it keeps, what it leaves."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.package import ROOT, VERSIONS, Place, packages
from vxloom.cli.main import COMMANDS

UNITS = ROOT / "src" / "vxloom" / "prepare" / "units"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("place")) as made:
        for package in packages():
            made.take(package, f"/tmp/{package.name}")
        done = made.run(f"dpkg -i /tmp/vxloom_{VERSIONS[0]}_*.deb")
        assert done.status == 0, done.output
        yield made


def test_a_host_is_checked_by_the_installed_program(place: Place) -> None:
    done = place.run("cd / && vxloom host check --output json")
    assert done.status in {0, 1}, done.output
    rows = json.loads(done.output)
    assert {"MTU of the underlay", "root"} <= {row["requirement"] for row in rows}
    where = "import vxloom, numpy; print(vxloom.__file__, numpy.__file__)"
    assert set(
        re.findall(r"^/usr/lib/vxloom/lib/|(?<= )/usr/lib/vxloom/lib/", place.run(f"/usr/lib/vxloom/bin/python -Ic '{where}'").output)
    ) == {"/usr/lib/vxloom/lib/"}


def test_the_manual_tells_of_every_command_and_the_shells_complete_them(place: Place) -> None:
    manual = place.run("man -P cat vxloom | col -b")
    assert [name for name in COMMANDS if f"vxloom {name}" not in manual.output] == [], manual.output
    ask = "COMP_WORDS=(vxloom ho) COMP_CWORD=1; _vxloom_completion vxloom; echo ${COMPREPLY[@]}"
    completed = place.run(f"bash -c '. /usr/share/bash-completion/completions/vxloom; {ask}'")
    assert completed.output.split() == ["host"]


def test_the_units_are_those_of_the_source_sound_and_hardened(place: Place) -> None:
    for unit, exposure in (("vxloom-agent.service", 5.8), ("vxloom-server.service", 1.6)):
        assert place.run(f"cat /lib/systemd/system/{unit}").output == (UNITS / unit).read_text()
        verified = place.run(f"systemd-analyze verify /lib/systemd/system/{unit}")
        assert (verified.status, verified.output) == (0, "")
        judged = place.run(f"systemd-analyze security --offline=yes --no-pager /lib/systemd/system/{unit} | tail -n 1").output
        assert float(re.findall(r": ([\d.]+) ", judged)[0]) <= exposure, judged


def test_without_systemd_nothing_is_asked_of_it(place: Place) -> None:
    place.run("echo 'server = \"192.0.2.1:8250\"' > /etc/vxloom/agent.toml")
    plan = place.run("vxloom host plan --only unit --only service")
    assert plan.output.count("not applicable: no systemd runs here") == 2, plan.output


def test_an_upgrade_while_guests_talk_loses_no_packet(place: Place) -> None:
    for name in ("cloud_inside.py", "upgrade_inside.sh"):
        place.take(Path(__file__).with_name(name), f"/tmp/{name}")
    place.run("echo 'listen = \"127.0.0.1:8080\"' > /etc/vxloom/server.toml")
    done = place.run(f"bash /tmp/upgrade_inside.sh /tmp/vxloom_{VERSIONS[1]}_*.deb")
    assert done.status == 0, done.output[-3000:]
    assert place.run("dpkg-query -W -f '${Version}' vxloom").output == VERSIONS[1]
    sent = int(re.findall(r"(\d+) packets transmitted", done.output)[0])
    assert sent > 200
    answered = [int(number) for number in re.findall(r"bytes from \S+ icmp_seq=(\d+)", done.output)]
    assert sorted(set(range(1, sent)) - set(answered)) == [], "lost; only the last, under way when ping was stopped, may have no answer"
    assert answered == list(range(1, len(answered) + 1)), "each once, in order"


def test_an_upgrade_keeps_settings_and_a_purge_what_cannot_be_made_again(place: Place) -> None:
    """The last of them: nothing is installed any more afterwards."""
    assert place.run("cat /etc/vxloom/server.toml").output == 'listen = "127.0.0.1:8080"\n'
    assert place.run("dpkg --verify vxloom | grep -v ' c /etc/'").output == "", "running it has changed nothing that it consists of"
    database = place.run("sha256sum /var/lib/vxloom/server/store.db").output
    purged = place.run("dpkg -P vxloom")
    assert purged.status == 0, purged.output
    assert "/var/lib/vxloom is kept" in purged.output
    assert place.run("sha256sum /var/lib/vxloom/server/store.db").output == database != ""
    assert place.run("ls -d /usr/lib/vxloom /usr/bin/vxloom 2>/dev/null").output == ""
    assert place.run("ls /etc/vxloom").output.split() == ["h1.token", "h2.token", "h2.toml"], "what others wrote"


def test_two_builds_of_a_checkout_hold_the_same_bytes() -> None:
    older, newer = (
        [
            line
            for command in (["dpkg-deb", "-c", package], ["dpkg-deb", "-I", package, "md5sums"])
            for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
            if not line.endswith("/doc/vxloom/changelog.gz")  # it names the version
        ]
        for package in packages()
    )
    assert len(older) > 5000
    assert older == newer

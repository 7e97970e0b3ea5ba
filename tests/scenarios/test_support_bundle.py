"""One file of a real host and one of a whole cloud, with secrets planted wherever something is collected from."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from typing import cast

import pytest

from tests import planted
from tests.planted import SECRET, WORD
from tests.scenarios.clouds import Cloud, Guest, running
from tests.waiting import wait_until
from vxloom.lab import faults
from vxloom.lab.node import Node

LOG = planted.LOG + "a line that must survive\n"


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(2) as made:
        yield made


@pytest.fixture(scope="module")
def guests(cloud: Cloud) -> list[Guest]:
    return cloud.guests(cloud.network(), "h1", "h2")


def bundled(node: Node, *words: str) -> tuple[dict[str, str], dict[str, object]]:
    """Part → text, and what the command says, of `vxloom support-bundle` on a node."""
    node.run(["mkdir", "-p", "/tmp/bundle"])
    done = node.run(["vxloom", "support-bundle", "--into", "/tmp/bundle", "--output", "json", *words], timeout=120)
    told = json.loads(done.stdout)
    packed = subprocess.run(node.command(["cat", told["file"]]), capture_output=True, check=True).stdout
    node.run(["rm", "-r", "/tmp/bundle"])
    inside = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            inside[member.name.partition("/")[2]] = file.read().decode()
    return inside, told


def leaks(inside: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, trace) for name, text in inside.items() for trace in planted.TRACES if trace in text]


def test_a_host_s_bundle_holds_what_helps_and_no_secret(cloud: Cloud, guests: list[Guest]) -> None:
    node = guests[0].node
    node.write("/etc/vxloom/join.token", f"{SECRET}\n", mode=0o600)
    node.write("/etc/vxloom/extra.toml", f'label = "kept"\ndatabase = "postgresql://vxloom:{WORD}@db/vxloom"\n')
    node.write("/etc/cloudstack/agent/agent.properties", f"guid=kept\nkeystore.passphrase={WORD}\n")
    for log in ("/var/log/cloudstack/agent/agent.log", "/var/log/syslog", "/var/log/vxloom/agent.log"):
        node.write(log, LOG)
    node.run(["ip", "link", "set", "eth0", "alias", f"uplink password={WORD}"])
    node.run(["nft", 'add table inet other { comment "token=' + WORD + '" ; }'])
    node.run(["ip", "link", "add", "planted0", "type", "veth", "peer", "name", "planted1"])
    faults.cause(cloud.lab, "kill-agent", "h1")  # so that the doctor finds something
    try:
        inside, told = bundled(node, "--no-server")
    finally:
        faults.heal(cloud.lab)
        node.run(["ip", "link", "set", "eth0", "alias", ""])
        node.run(["nft", "delete", "table", "inet", "other"])
        node.run(["ip", "link", "del", "planted0"])
    assert leaks(inside) == []
    removed = {part["name"]: part["removed"] for part in cast("list[dict[str, object]]", told["parts"])}
    for part in ("files/etc/vxloom/extra.toml", "files/etc/cloudstack/agent/agent.properties", "kernel/links", "kernel/nft"):
        assert removed[part], part
    for part in ("logs/var/log/cloudstack/agent/agent.log", "logs/var/log/syslog", "logs/var/log/vxloom/agent.log"):
        assert "a line that must survive" in inside[part]
        assert cast("int", removed[part]) > len(planted.ONE_LINE)
    assert 'label = "kept"' in inside["files/etc/vxloom/extra.toml"]
    assert "guid=kept" in inside["files/etc/cloudstack/agent/agent.properties"]
    assert "uplink password=" in inside["kernel/links"]
    assert guests[0].mac in inside["agent/state"]
    assert guests[1].mac in inside["kernel/fdb"]
    assert "agent-stopped" in inside["doctor/findings"]
    assert "/var/lib/vxloom/agent/held.bin" in inside["agent/files"]
    assert "PRIVATE KEY" not in "".join(inside.values())
    assert inside["MANIFEST.txt"].count("\n") > len(inside)
    wait_until(lambda: cloud.connected("h1") and cloud.in_step("h1"), "the agent is back")


def test_the_cloud_s_bundle_has_the_server_and_every_host(cloud: Cloud, guests: list[Guest]) -> None:
    """On the management node, whose admin keys nobody gave to it by hand."""
    node = cloud.lab.node("mgmt")
    cloud.call("updateVirtualMachine", id=guests[0].id, displayname=f"web password={WORD} kept")
    key, secret = cloud.lab.environment()["CLOUDSTACK_KEY"], cloud.lab.environment()["CLOUDSTACK_SECRET"]
    node.write("/var/log/syslog", f"GET /client/api?x={secret} {key} kept\n")
    faults.cause(cloud.lab, "kill-agent", "h2")
    wait_until(lambda: not cloud.connected("h2"), "the server knows that it is away")
    try:
        inside, told = bundled(node)
    finally:
        faults.heal(cloud.lab)
    assert leaks(inside) == []
    everything = "".join(inside.values())
    assert key not in everything
    assert secret not in everything
    assert "kept" in inside["logs/var/log/syslog"]
    assert {row["name"] for row in json.loads(inside["server/listHosts"])["host"]} == {"h1", "h2"}
    assert "web password=[removed] kept" in inside["server/listVirtualMachines"]
    assert "host-away" in inside["server/vxloomDiagnose"]
    assert json.loads(inside["hosts/h1/plan"])["plan"]["hostname"] == "h1"
    assert "hosts/h2/plan" in cast("dict[str, str]", told["missing"])
    assert {"server/listAlerts", "server/listEvents", "server/listAsyncJobs", "server/listConfigurations"} <= set(inside)
    wait_until(lambda: cloud.connected("h2"), "the agent is back")

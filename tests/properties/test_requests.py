"""Whatever is sent to whichever command: an answer in CloudStack's shape, never a defect's; and a refused call changes nothing."""

from __future__ import annotations

import contextlib
import json
import random
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.junk import Ids, Pair, requests
from tests.unit.api.desk import Desk, RefusedError, signed, template_store
from vxloom.errors import RequestError
from vxloom.server import parameters
from vxloom.server.absent import Absent
from vxloom.server.command import Command, registry
from vxloom.server.dispatch import answer
from vxloom.server.responses import Reply
from vxloom.store import records
from vxloom.store.schema import TABLES

REFUSALS = {401, 405, 430, 431, 432, 530, 531, 532, 533, 534, 535, 536, 537}
"""ApiErrorCode.java, but for 429 (too many requests)."""
MAY_CHANGE = {"events"}
EXAMPLES, OF_ABSENT, OF_SLOW = 12, 2, 4
SLOW = {"createAccount", "createUser", "updateUser", "login"}
"""A password's hash takes 50 ms on purpose."""


@dataclass
class Cloud:
    """A desk over a store with something of everything, put back after every call that changed it."""

    desk: Desk
    first: sqlite3.Connection
    """The store as it was at first."""
    here: sqlite3.Connection
    """The store as it is."""
    ids: Ids
    hosts: frozenset[str]
    before: dict[str, list[Any]] = field(default_factory=dict)

    def changed(self) -> set[str]:
        """Return the tables that are not as they were at first."""
        found = {table.name: self.here.execute(f"SELECT * FROM {table.name}").fetchall() for table in TABLES.values()}
        if not self.before:
            self.before.update(found)
        return {table for table, rows in found.items() if rows != self.before[table]}

    def reset(self) -> None:
        self.first.backup(self.here)
        self.desk.hosts.up = set(self.hosts)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    desk = Desk.open(template_store(tmp_path_factory.mktemp("template")), folder)
    zone = desk.zone()
    for name in ("h1", "h2"):
        desk.host(zone, name)
    network = desk.network(zone, gateway="10.1.1.1", netmask="255.255.255.0", ip6cidr="fd00:1::/64")
    for name in ("vm1", "vm2"):
        desk.deploy(zone, network["id"], name)
    desk.network(zone, "n2", "L2")
    desk.tenant("ann")
    _furnish(desk, zone)
    desk.hosts.answers = dict.fromkeys(desk.hosts.up, b"null")
    with contextlib.closing(sqlite3.connect(":memory:")) as first, contextlib.closing(sqlite3.connect(folder / "store.db")) as here:
        here.backup(first)
        cloud = Cloud(desk, first, here, _ids(desk), frozenset(desk.hosts.up))
        assert not cloud.changed()
        yield cloud
    desk.store.close()


def _furnish(desk: Desk, full: str) -> None:
    """Make one of everything in the states commands ask for: stopped and destroyed machines, a host in maintenance, an empty zone."""
    other = desk.ask("createZone", name="z2", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"]
    pod = desk.ask(
        "createPod", name="p2", zoneid=other, startip="10.9.9.10", endip="10.9.9.99", netmask="255.255.255.0", gateway="10.9.9.1"
    )
    desk.ask("addCluster", clustername="c2", clustertype="CloudManaged", hypervisor="Simulator", zoneid=other, podid=pod["pod"]["id"])
    desk.do("createPhysicalNetwork", name="p2", zoneid=other, isolationmethods="VXLAN", vlan="6000-6100")
    plain = desk.ask("createNetworkOffering", name="plain", displaytext="plain", guestiptype="L2", traffictype="Guest")["networkoffering"][
        "id"
    ]
    desk.ask("updateNetworkOffering", id=plain, state="Enabled")
    first = desk.ask("listNetworks", listall="true", name="n1")["network"][0]["id"]
    second = desk.network(full, "n3", gateway="10.2.1.1", netmask="255.255.255.0")["id"]
    for name in ("stopped", "destroyed", "two"):
        desk.deploy(full, f"{first},{second}", name)
    vms = {vm["name"]: vm for vm in desk.ask("listVirtualMachines", listall="true")["virtualmachine"]}
    desk.do("stopVirtualMachine", id=vms["stopped"]["id"])
    desk.do("destroyVirtualMachine", id=vms["destroyed"]["id"])
    desk.do("addIpToNic", nicid=vms["two"]["nic"][0]["id"])
    desk.ask("createServiceOffering", name="big", displaytext="big", cpunumber=4, cpuspeed=1000, memory=4096)
    desk.ask("createSSHKeyPair", name="mine")
    desk.host(full, "h3")
    host = desk.ask("listHosts", name="h3")["host"][0]["id"]
    desk.do("prepareHostForMaintenance", id=host)


def _ids(desk: Desk) -> Ids:
    """Return what the list commands show that parameters name, and one id of every other kind."""
    named = sorted(
        {name for command in registry().values() for parameter in command.parameters for name in parameter.related.split(",") if name}
    )
    found: dict[str, list[str]] = {}
    for name in named:
        with contextlib.suppress(RefusedError):
            content = desk.ask(name, listall="true", **({"templatefilter": "all"} if name == "listTemplates" else {}))
            found[name] = sorted(
                row.get("id") or row.get("jobid") or row["name"] for rows in content.values() if isinstance(rows, list) for row in rows
            )
    with desk.store.read() as rx:
        others = sorted(set(TABLES) - {records.Meta, records.Revision, records.Change}, key=lambda kind: kind.__name__)
        found["others"] = [row.id for kind in others for row in rx.all(kind, order="id", limit=1)]
        found["listNics"] = [nic.id for nic in rx.all(records.Nic, order="id")]
    return Ids(found)


def send(desk: Desk, command: str, pairs: list[Pair], form: str) -> Reply:
    whole = [("command", command), ("apiKey", desk.key), ("response", form), *pairs]
    distinct = {name: value for name, value in reversed(whole) if name.lower() != "signature"}
    return answer([*whole, ("signature", signed(distinct, desk.secret))], store=desk.store, fleet=desk.hosts)


def check(command: Command, reply: Reply) -> None:
    if reply.content_type.startswith("application/json"):
        [(wrapper, content)] = json.loads(reply.body).items()
    else:
        root = ET.fromstring(reply.body)
        wrapper, content = root.tag, {child.tag: child.text for child in root}
    if reply.status == 200:
        assert wrapper == (command.wrapper or f"{command.name.lower()}response")
        return
    text = str(content["errortext"])
    assert reply.status in REFUSALS, text
    assert str(content["errorcode"]) == str(reply.status)
    assert text
    assert "Internal error" not in text
    assert len(text.splitlines()) == 1
    assert len(text) < 1000


@pytest.mark.parametrize("name", sorted(registry()))
def test_a_request_is_answered_or_refused_with_a_reason_and_then_changes_nothing(cloud: Cloud, name: str) -> None:
    command = registry()[name]
    most = OF_ABSENT if isinstance(command, Absent) else OF_SLOW if name in SLOW else EXAMPLES

    @settings(max_examples=most, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(pairs=requests(command, cloud.ids), form=st.sampled_from(["json", "json", "json", "xml", "JSON", ""]))
    def one(pairs: list[Pair], form: str) -> None:
        random.seed(0)  # where a machine lands is drawn by lot
        try:
            with structlog.testing.capture_logs() as logged:
                reply = send(cloud.desk, name, pairs, form)
                check(command, reply)
                cloud.desk.settle()
            assert [entry for entry in logged if entry["log_level"] in {"error", "critical"} or "exc_info" in entry] == []
            if reply.status != 200:
                assert cloud.changed() <= MAY_CHANGE
        finally:
            if cloud.changed():
                cloud.reset()

    one()


@given(name=st.text(max_size=20), pairs=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_and_any_pairs_are_answered(cloud: Cloud, name: str, pairs: list[Pair]) -> None:
    reply = send(cloud.desk, name, pairs, "json")
    [(_, content)] = json.loads(reply.body).items()
    assert reply.status in REFUSALS
    assert content["errortext"].isprintable()
    assert not cloud.changed()


@given(pairs=st.lists(st.tuples(st.text("ab[].0", max_size=8), st.text("xyz", max_size=5)), max_size=8))
def test_what_is_read_of_names_is_whole_or_refused(pairs: list[Pair]) -> None:
    malformed = any(("[" in name or "]" in name) and not re.fullmatch(r"\w+\[[^\[\]]+\]\.(.|\n)+", name) for name, _ in pairs)
    if malformed:
        with pytest.raises(RequestError, match="Invalid parameter format"):
            parameters.collect(pairs)
        return
    read = parameters.collect(pairs)
    assert {name.lower() for name, _ in pairs if "[" not in name} == set(read.values)
    assert all(rows for rows in read.tables.values())

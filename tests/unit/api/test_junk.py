"""Whatever is sent to whichever command: an answer in CloudStack's shape, never a defect's."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.unit.api.desk import Desk
from vxloom.server.command import Command, registry
from vxloom.server.parameters import Kind, Parameter
from vxloom.store import records

REFUSALS = {401, 405, 430, 431, 432, 530, 531, 532, 533, 534, 535, 536, 537}
JUNK = [
    "",
    " ",
    "0",
    "-1",
    "1",
    "7",
    "4094",
    "16777215",
    "16777216",
    "2147483647",
    "-2147483648",
    "9223372036854775807",
    "99999999999999999999",
    "1e3",
    "٣",
    "true",
    "None",
    "null",
    "a",
    "a" * 254,
    "a" * 5000,
    "é汉🙂",
    "\n",
    "%00",
    "' OR 1=1 --",
    "{{7*7}}",
    "../../etc/passwd",
    "a,b,,c",
    ",",
    "10.1.1.1",
    "10.1.1.0/24",
    "0.0.0.0/0",
    "255.255.255.255",
    "255.0.255.0",
    "::",
    "fd00::1",
    "fe80::1%eth0",
    "::/0",
    "fd00:1::/64",
    "02:00:00:00:00:01",
    "ff:ff:ff:ff:ff:ff",
    "1-16777214",
    "5-4",
    "1-2,2-3",
    "1--2",
    "vxlan://5001",
    "vlan://70000",
    "2026-01-31",
    "0001-01-01",
    "9999-12-31",
    "2026-01-31T10:00:00+0000",
    "0001-01-01T00:00:00+2359",
    "00000000-0000-4000-8000-000000000000",
    "{00000000-0000-4000-8000-000000000000}",
    "Enabled",
    "Running",
    "KVM",
    "Guest",
    "L2",
    "Shared",
    "http://[",
    "http://h1:99999",
]
# A password's hash takes 50 ms on purpose, and what it is made of does not matter.
SLOW = {"createAccount": 15, "createUser": 15}
OFTEN = 12
"""Requests of each command."""


def _known(desk: Desk) -> list[str]:
    """Ids of everything there is."""
    kinds = [
        kind
        for kind in vars(records).values()
        if isinstance(kind, type) and "id" in getattr(kind, "__dataclass_fields__", {}) and kind not in {records.Meta, records.Revision}
    ]
    with desk.store.read() as rx:
        return [row.id for kind in kinds for row in rx.all(kind, order="id", limit=2)]


def _value(dice: random.Random, parameter: Parameter, known: list[str]) -> str:
    if parameter.kind is Kind.UUID and dice.random() < 0.8:
        return dice.choice(known)
    if parameter.kind is Kind.LIST and dice.random() < 0.5:
        return ",".join(dice.choices([*known, *JUNK], k=3))
    return dice.choice(JUNK)


def _parameters(dice: random.Random, command: Command, known: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for parameter in command.parameters:
        if not parameter.required and dice.random() < 0.6:
            continue
        if parameter.kind is Kind.MAP:
            index, key = dice.choice(["0", "9", "x"]), dice.choice(["networkid", "ip", "mac", "a", "vxloom.tap", "vxloom.shared"])
            found[f"{parameter.name}[{index}].{key}"] = dice.choice([*known, *JUNK])
            continue
        found[parameter.name] = _value(dice, parameter, known)
    return found


@pytest.fixture(scope="module")
def _full(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cloud with something of everything, made once."""
    folder = tmp_path_factory.mktemp("full")
    desk = Desk.open(_template, folder)
    zone = desk.zone()
    for name in ("h1", "h2"):
        desk.host(zone, name)
    network = desk.network(zone, gateway="10.1.1.1", netmask="255.255.255.0", ip6cidr="fd00:1::/64")
    for name in ("vm1", "vm2"):
        desk.deploy(zone, network["id"], name)
    desk.network(zone, "n2", "L2")
    desk.tenant("ann")
    desk.store.close()
    return folder / "store.db"


@pytest.fixture
def peopled(_full: Path, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(_full, tmp_path)
    with desk.store.read() as rx:
        desk.hosts.up = {host.id for host in rx.all(records.Host)}
    desk.hosts.answers = dict.fromkeys(desk.hosts.up, b"null")
    yield desk
    desk.store.close()


@pytest.mark.parametrize("name", sorted(registry()))
def test_junk_is_answered_in_cloudstacks_shape(peopled: Desk, name: str) -> None:
    desk, command, dice = peopled, registry()[name], random.Random(name)
    known = _known(desk)
    for _ in range(SLOW.get(name, OFTEN)):
        given = _parameters(dice, command, known)
        json_wanted = dice.random() < 0.8
        reply = desk.raw(name, form="json" if json_wanted else "xml", **given)
        if json_wanted:
            [(wrapper, content)] = json.loads(reply.body).items()
        else:
            root = ET.fromstring(reply.body)
            wrapper, content = root.tag, {child.tag: child.text for child in root}
        if reply.status == 200:
            continue
        text = str(content["errortext"])
        assert reply.status in REFUSALS, (given, text)
        assert wrapper == (command.wrapper or f"{name.lower()}response")
        assert str(content["errorcode"]) == str(reply.status)
        assert "Internal error" not in text, given
        assert len(text.splitlines()) == 1, (given, text)
        assert len(text) < 1000, given
    desk.runner().turn()
    with desk.store.read() as rx:
        for job in rx.all(records.Job):
            assert "Internal error" not in str(job.result), job

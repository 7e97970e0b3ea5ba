"""What tenants are told: neither secrets nor where things are; nobody below a root admin becomes one. (test_isolation.py: whose things.)"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.desk import Desk
from vxloom.server.command import registry
from vxloom.store import records

SECRET_NAMES = {"secretkey", "password", "passwordhash"}
FOR_ROOT = {"broadcasturi", "isolationuri", "vlan", "vlanid", "hostid", "hostname", "instancename"}


@dataclass
class Town:
    desk: Desk
    ann: Desk
    bob: Desk
    theirs: dict[str, str]
    """What bob has: parameter name → id."""
    words: set[str]
    """Ids and names that ann must never read."""


@pytest.fixture(scope="module")
def town(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    desk = Desk.open(_template, tmp_path_factory.mktemp("town"))
    zone = desk.zone()
    for name in ("secret-host-1", "secret-host-2"):
        desk.host(zone, name)
    ann, bob = desk.tenant("ann"), desk.tenant("bob")
    for who, prefix in ((ann, "ann"), (bob, "bob")):
        network = who.network(zone, f"{prefix}-net")
        for number in (1, 2):
            who.deploy(zone, network["id"], f"{prefix}-vm{number}")
    network = bob.ask("listNetworks")["network"][0]["id"]
    vm = bob.ask("listVirtualMachines")["virtualmachine"][0]
    user = bob.ask("listUsers")["user"][0]
    job = bob.ask("listAsyncJobs")["asyncjobs"][0]["jobid"]
    event = bob.ask("listEvents")["event"][0]["id"]
    account = bob.ask("listAccounts")["account"][0]["id"]
    host = desk.ask("listHosts")["host"][0]["id"]
    nic = vm["nic"][0]["id"]
    theirs = {
        "virtualmachine": vm["id"],
        "network": network,
        "nic": nic,
        "user": user["id"],
        "account": account,
        "job": job,
        "event": event,
        "host": host,
    }
    words = {vm["id"], network, nic, user["id"], job, event, account, "bob", "secret-host"}
    yield Town(desk, ann, bob, theirs, words)
    desk.store.close()


def _words(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from ((key, word) for word in [str(item)] if not isinstance(item, dict | list))
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)


@pytest.mark.parametrize("name", sorted(name for name, command in registry().items() if name.startswith("list") and command.for_users))
def test_lists_show_a_tenant_neither_secrets_nor_where_things_are(town: Town, name: str) -> None:
    given: dict[str, str] = {"templatefilter": "executable"} if name == "listTemplates" else {}
    if name == "listNics":
        given = {"virtualmachineid": town.ann.ask("listVirtualMachines")["virtualmachine"][0]["id"]}
    if name == "listProjectAccounts":
        given = {"projectid": town.ann.do("createProject", name="ann-shared", displaytext="shared")["project"]["id"]}
    for query in ({}, {"listall": "true"}):
        content = town.ann.ask(name, **given, **query)
        if name == "listApis":
            continue  # names parameters, not values
        for key, word in _words(content):
            assert key not in FOR_ROOT | SECRET_NAMES, (key, word)
            assert not any(secret in word for secret in town.words), (key, word)


def test_lists_show_a_root_admin_no_secrets(town: Town) -> None:
    project = town.desk.do("createProject", name="of the root admin", displaytext="shared")["project"]["id"]
    for name in sorted(name for name in registry() if name.startswith("list") and name not in {"listApis", "listNics"}):
        given = {"templatefilter": "executable"} if name == "listTemplates" else {}
        given |= (
            {"physicalnetworkid": town.desk.ask("listPhysicalNetworks")["physicalnetwork"][0]["id"]} if name == "listTrafficTypes" else {}
        )
        given |= {"projectid": project} if name == "listProjectAccounts" else {}
        shown = {key for key, _ in _words(town.desk.ask(name, listall="true", **given))}
        assert not shown & SECRET_NAMES, name


def test_a_jobs_result_tells_a_tenant_nothing_of_hosts(town: Town) -> None:
    zone = town.desk.ask("listZones")["zone"][0]["id"]
    network = town.ann.network(zone, "more")
    vm = town.ann.deploy(zone, network["id"], "ann-more")
    assert not {key for key, _ in _words(vm)} & FOR_ROOT
    for job in town.ann.ask("listAsyncJobs")["asyncjobs"]:
        assert "secret-host" not in json.dumps(job)
    town.desk.hosts.up, up = set(), town.desk.hosts.up
    refused = town.ann.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], **town.desk.sizes())
    town.desk.hosts.up = up
    assert refused.status == 533
    assert "secret-host" not in refused.text


def test_a_domain_admin_does_not_become_root(town: Town) -> None:
    made = town.desk.ask("createAccount", username="dan", password="x", firstname="d", lastname="d", email="d@example.org", accounttype=2)[
        "account"
    ]
    keys = town.desk.ask("registerUserKeys", id=made["user"][0]["id"])["userkeys"]
    dan = town.desk.as_user(keys["apikey"], keys["secretkey"])
    admin = town.desk.ask("listUsers", username="admin")["user"][0]
    for command in ("getUserKeys", "registerUserKeys"):
        assert dan.refused(command, id=admin["id"]).status == 431
    assert dan.ask("listVirtualMachines", id=town.theirs["virtualmachine"])["count"] == 1
    assert "admin" not in {user["username"] for user in dan.ask("listUsers", listall="true")["user"]}
    zone = town.desk.ask("listZones")["zone"][0]["id"]
    network = town.desk.network(zone, "roots")
    assert dan.refused("deleteNetwork", id=network["id"]).status == 431
    assert (
        dan.refused(
            "createNetwork", name="x", zoneid=zone, networkofferingid=town.desk.offering("L2"), account="admin", domainid=admin["domainid"]
        ).status
        == 431
    )


def test_a_password_is_kept_as_a_salted_hash(town: Town) -> None:
    with town.desk.store.read() as rx:
        hashes = [user.password_hash for user in rx.all(records.User, username=["ann", "bob"])]
    assert len(set(hashes)) == 2
    assert all(text.startswith("scrypt$") and "secret" not in text for text in hashes if text is not None)

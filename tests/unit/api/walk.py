"""A town of tenants to walk through with a foreign key: who has what, and how a command's parameters are filled."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.api.desk import Desk, Stock
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.store import records
from vxloom.store.schema import TABLES

NOBODY = "0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e"
"""An id nobody ever had; as long as all others."""
NOT_INTENT = (records.Event, records.Answered, records.Session)
"""Kinds a refused call may leave rows of."""
MAPS_OF_IDS = {"iptonetworklist": "networkid", "nicnetworklist": "network", "nicmultipleipallocation": "nic"}
MAPS_OF_WORDS = {"details", "tags", "serviceproviderlist", "servicecapabilitylist", "rules", "dhcpoptionsnetworklist"}
FILLING = {
    "templatefilter": "executable",
    "address": "10.1.1.200",
    "resourcetype": "Network",
    "permission": "allow",
    "type": "User",
    "networktype": "Advanced",
    "accounttype": "0",
    "role": "Regular",
}
"""What a required parameter is given, where its kind says too little."""
NEEDED = {("listNics", "virtualmachineid")}
"""What is required, though not in each case."""
A_TAG = {"tags__0__key": "probe", "tags__0__value": "probe"}


@dataclass
class Town:
    """``ann`` and ``bob`` are users of one domain, ``dora`` is the admin of another; bob is who must not be found."""

    stock: Stock
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    up: set[str] = field(default_factory=set)
    own: dict[str, dict[str, str]] = field(default_factory=dict)
    """Who → list command → an id it lists of theirs."""
    foreign: dict[str, str] = field(default_factory=dict)
    """Kind → id of what bob has, and of what the cloud's admin has."""

    def visit(self, who: str) -> Desk:
        """Return somebody's desk in the town as it was built; what others did to it since is gone."""
        key, secret = self.keys[who]
        desk = Desk(self.stock.refill(), key=key, secret=secret)
        desk.hosts.up = set(self.up)
        return desk


def build(template: Path, folder: Path) -> Town:
    """Build the town: everybody has one of everything that can be owned."""
    desk = Desk.open(template, folder)
    keys, own = dict[str, tuple[str, str]](), dict[str, dict[str, str]]()
    zone = desk.zone()
    for name in ("secret-host-1", "secret-host-2"):
        desk.host(zone, name)
    with desk.store.write("test") as tx:
        root = tx.one(records.Domain, path="ROOT")
        assert root is not None
        domains = {
            name: tx.add(records.Domain(name=name, parent=root.id, path=f"ROOT/{name}", level=1)).id for name in ("t-domain", "d-domain")
        }
    shared = {
        "listZones": zone,
        "listServiceOfferings": desk.sizes()["serviceofferingid"],
        "listTemplates": desk.sizes()["templateid"],
        "listNetworkOfferings": desk.offering("Isolated"),
    }
    for name, domain, kind in (("ann", "t-domain", 0), ("bob", "t-domain", 0), ("dora", "d-domain", 2)):
        who = desk.tenant(name, domainid=domains[domain], accounttype=kind)
        keys[name] = (who.key, who.secret)
        _furnish(who, zone, name)
        own[name] = shared | {"listDomains": domains[domain]} | _owned(desk, name)
    _furnish_for_root(desk, zone)
    bob = own["bob"]
    foreign = {kind: id_ for kind, id_ in bob.items() if kind not in shared and kind != "listDomains"}
    foreign |= {"listDomains": desk.ask("listDomains", name="ROOT")["domain"][0]["id"]}
    keys["admin"], own["admin"] = (desk.key, desk.secret), _all_there_is(desk, shared, bob)
    admin = desk.ask("listUsers", username="admin")["user"][0]
    foreign |= {"admin's user": admin["id"], "admin's account": admin["accountid"], "listHosts": min(desk.hosts.up)}
    return Town(Stock(desk.store, folder / "store.db"), keys, set(desk.hosts.up), own, foreign)


def _furnish_for_root(desk: Desk, zone: str) -> None:
    """Make what only root admins list."""
    [place] = desk.ask("listPhysicalNetworks", zoneid=zone)["physicalnetwork"]
    root = desk.ask("listDomains", name="ROOT")["domain"][0]["id"]
    desk.ask("dedicateGuestVlanRange", physicalnetworkid=place["id"], vlanrange="5900-5901", account="admin", domainid=root)
    role = desk.ask("createRole", name="town's", type="User")["role"]["id"]
    desk.ask("createRolePermission", roleid=role, rule="list*", permission="allow")
    shared = {"name": "town's shared", "guestiptype": "Shared", "traffictype": "Guest", "specifyvlan": "true", "enable": "true"}
    offering = desk.ask("createNetworkOffering", **shared)["networkoffering"]["id"]
    more = {
        "gateway": "10.9.0.1",
        "netmask": "255.255.255.0",
        "startip": "10.9.0.10",
        "endip": "10.9.0.99",
        "vlan": "910",
        "acltype": "Account",
    }
    desk.ask("createNetwork", name="town's shared", zoneid=zone, networkofferingid=offering, **more)
    with desk.store.write("test") as tx:
        tx.add(records.Alert(type=1, name="town.talk", subject="town", description="somebody talks"))


def _furnish(who: Desk, zone: str, name: str) -> None:
    """Give somebody one of everything: by command where it asks for hosts, else as rows."""
    network = who.network(zone, f"{name}-net")
    for number in (1, 2):
        who.deploy(zone, network["id"], f"{name}-vm{number}")
    spare = who.network(zone, f"{name}-spare")
    account = who.ask("listAccounts")["account"][0]
    nic = who.ask("listVirtualMachines")["virtualmachine"][0]["nic"][0]["id"]
    with who.store.write("test") as tx:
        own = records.Account(name=f"PrjAcct-{name}", domain=account["domainid"], type=records.AccountType.PROJECT)
        tx.add(own)
        project = records.Project(name=f"{name}-project", display_text=f"{name}-project", domain=account["domainid"], account=own.id)
        tx.add(project)
        tx.add(records.ProjectMember(project=project.id, account=account["id"], role=records.ProjectRole.ADMIN))
        tx.add(records.SshKeyPair(account=account["id"], name=f"{name}-key", fingerprint="00:11", public_key="ssh-rsa AAAA"))
        tx.add(records.Tag(account=account["id"], resource_type="Network", resource=spare["id"], key=f"{name}-tag", value=f"{name}-value"))
        address = tx.take_ip(network["id"], nic)
        tx.add(records.NicIp(nic=nic, address=address, secondary=True))


def _owned(desk: Desk, name: str) -> dict[str, str]:
    """Return list command → id of what somebody has, for every kind of row that names its owner, and for what hangs on those."""
    with desk.store.read() as rx:
        account = rx.one(records.Account, name=name)
        assert account is not None
        vm, nic = _first(rx.all(records.Vm, account=account.id)), ""
        nic = rx.all(records.Nic, vm=vm)[0].id
        member = rx.all(records.ProjectMember, account=account.id)[0]
        found = {
            "listAccounts": account.id,
            "listVirtualMachines": vm,
            "listNics": nic,
            "secondary address": rx.all(records.NicIp, nic=nic, secondary=True)[0].id,
            "listNetworks": rx.all(records.Network, account=account.id)[0].id,
            "network without machines": rx.all(records.Network, account=account.id)[1].id,
            "listUsers": rx.all(records.User, account=account.id)[0].id,
            "listAsyncJobs": rx.all(records.Job, account=account.id)[0].id,
            "listEvents": rx.all(records.Event, account=account.id)[0].id,
            "listProjects": member.project,
            "member": member.id,
            "listSSHKeyPairs": rx.all(records.SshKeyPair, account=account.id)[0].id,
            "listTags": rx.all(records.Tag, account=account.id)[0].id,
        }
        owned = {kind for kind in TABLES if "account" in {column.name for column in dataclasses.fields(kind)}}
    known = {
        *(records.Vm, records.Network, records.User, records.Job, records.Event, records.SshKeyPair, records.Tag),
        *(records.Project, records.ProjectMember),
        *(records.Template, records.DedicatedRange, records.VniAllocation, records.Configuration),  # everybody's to see; root admins' only
    }
    assert owned == known, f"give everybody in the town one of {owned ^ known}, and say here how it is listed"
    return found


def _all_there_is(desk: Desk, shared: dict[str, str], bob: dict[str, str]) -> dict[str, str]:
    """Return list command → an id, for root admins, who reach everything."""
    with desk.store.read() as rx:
        places = {
            "listHosts": rx.all(records.Host)[0].id,
            "listPods": rx.all(records.Pod)[0].id,
            "listClusters": rx.all(records.Cluster)[0].id,
            "listPhysicalNetworks": rx.all(records.PhysicalNetwork)[0].id,
        }
    return bob | shared | places


def _first(rows: list[Any]) -> str:
    return str(rows[0].id)


def id_parameters(command: Command) -> dict[str, Parameter]:
    """Return the parameters that take ids, as they are spelled in a request."""
    found: dict[str, Parameter] = {}
    for parameter in command.parameters:
        if parameter.kind is Kind.MAP:
            if parameter.name in MAPS_OF_IDS:
                found[f"{parameter.name}__0__{MAPS_OF_IDS[parameter.name]}"] = parameter
            else:
                assert parameter.name in MAPS_OF_WORDS, f"{command.name}: does {parameter.name} carry ids? Say so in walk.py"
        elif parameter.kind is Kind.UUID or parameter.related or parameter.name.endswith(("id", "ids")):
            found[parameter.name] = parameter
    return found


def filled(town: Town, who: str, command: Command, but: str = "") -> dict[str, str]:
    """Return a value for every required parameter: the caller's own, where it is an id."""
    needed = {p.name: p for p in command.parameters if p.required or (command.name, p.name) in NEEDED}
    found = {name: value_of(town, who, p) for name, p in needed.items() if name != but and p.kind is not Kind.MAP}
    return found | {name: text for p in command.parameters if p.required and p.name == "tags" for name, text in A_TAG.items()}


def value_of(town: Town, who: str, parameter: Parameter) -> str:
    """Return something of the caller's own for a parameter."""
    for related in parameter.related.split(","):
        if related in town.own[who]:
            return town.own[who][related]
    if parameter.name in FILLING:
        return FILLING[parameter.name]
    if parameter.name == "account":
        return who
    return {Kind.UUID: NOBODY, Kind.INTEGER: "1", Kind.LONG: "1", Kind.BOOLEAN: "true", Kind.DATE: "2026-01-01"}.get(
        parameter.kind, "probe"
    )


def said(desk: Desk, command: str, given: dict[str, str], probe: str) -> tuple[int, dict[str, Any], str]:
    """Return status, content, and the whole answer as text in which the probe's value is named alike."""
    reply = desk.raw(command, **given)
    [content] = json.loads(reply.body).values()
    return reply.status, content, json.dumps(content, sort_keys=True).replace(probe, "(the probe)")


def dump(desk: Desk) -> dict[str, list[str]]:
    """Return every row of intent there is, as text."""
    with desk.store.read() as rx:
        return {table.name: [repr(row) for row in rx.all(kind, order="id")] for kind, table in TABLES.items() if kind not in NOT_INTENT}

"""A cloud in which a job of every asynchronous command can be begun, and the server that comes after a crash in the middle of one."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.api.desk import Desk, Hosts
from tests.unit.api.looks import PUBLIC_KEY
from vxloom.server.command import Command, registry
from vxloom.server.jobs import Runner
from vxloom.store import Store, records

HOSTS = ("h1", "h2", "h3")
ROUNDS = 8
"""No job has more phases, each with a wait that ends at its deadline."""


@dataclass
class World:
    """A zone of three hosts. ``vm`` is on h1 with two NICs, ``peer`` on h2 in the same network, ``down`` is stopped, ``ruin`` destroyed."""

    desk: Desk
    ids: dict[str, str]
    first: sqlite3.Connection
    """The store as it was at first."""
    here: sqlite3.Connection
    """The store as it is."""

    def again(self) -> Desk:
        """Put the store back as it was at first, and return the desk of the server before its crash."""
        self.first.backup(self.here)
        self.desk.hosts.up = {self.ids[name] for name in HOSTS}
        return self.desk


@contextmanager
def built(template: Path, folder: Path) -> Iterator[World]:
    """Build the world, and remember what is in it by short names."""
    desk = Desk.open(template, folder)
    zone = desk.zone()
    ids = {"zone": zone} | {name: desk.host(zone, name) for name in HOSTS}
    ids |= {name: desk.network(zone, name)["id"] for name in ("net", "second", "third")}
    both = f"{ids['net']},{ids['second']}"
    for name, networks, host in (("vm", both, "h1"), ("peer", ids["net"], "h2"), ("down", ids["net"], "h1"), ("ruin", ids["net"], "h1")):
        vm = desk.deploy(zone, networks, name, hostid=ids[host])
        ids |= {name: vm["id"], f"{name}-nic": vm["nic"][0]["id"], f"{name}-last-nic": vm["nic"][-1]["id"]}
    desk.do("stopVirtualMachine", id=ids["down"])
    desk.do("destroyVirtualMachine", id=ids["ruin"])
    ids["address"] = desk.do("addIpToNic", nicid=ids["vm-nic"])["nicsecondaryip"]["id"]
    _people(desk, ids)
    _settings(desk, ids)
    desk.settle()
    with closing(sqlite3.connect(":memory:")) as first, closing(sqlite3.connect(folder / "store.db")) as here:
        here.backup(first)
        yield World(desk, ids, first, here)
    desk.store.close()


def _people(desk: Desk, ids: dict[str, str]) -> None:
    """An account, a domain with an account, and a project: each with a network and a running machine."""
    ids["domain"] = desk.ask("createDomain", name="d")["domain"]["id"]
    for name, more in (("ann", {}), ("dora", {"domainid": ids["domain"]})):
        who = desk.tenant(name, **more)
        ids[name] = who.ask("listAccounts")["account"][0]["id"]
        ids[f"{name}-user"] = who.ask("listUsers")["user"][0]["id"]
        who.deploy(ids["zone"], who.network(ids["zone"], f"{name}-net")["id"], f"{name}-vm")
    ids["project"] = desk.do("createProject", name="p", displaytext="p")["project"]["id"]
    desk.do("addAccountToProject", projectid=ids["project"], account="ann")
    network = desk.network(ids["zone"], "project-net", projectid=ids["project"])["id"]
    desk.do("deployVirtualMachine", zoneid=ids["zone"], networkids=network, projectid=ids["project"], **desk.sizes())


def _settings(desk: Desk, ids: dict[str, str]) -> None:
    """What else commands change: providers, traffic, ranges, templates, keys, tags."""
    ids["physical"] = desk.ask("listPhysicalNetworks")["physicalnetwork"][0]["id"]
    for name in ("other", "empty"):
        ids[name] = desk.ask("createZone", name=name, networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"]
    ids["bare"] = desk.do("createPhysicalNetwork", name="bare", zoneid=ids["other"])["physicalnetwork"]["id"]
    ids["traffic"] = desk.do("addTrafficType", physicalnetworkid=ids["bare"], traffictype="Storage")["traffictype"]["id"]
    for element in desk.ask("listVirtualRouterElements").get("virtualrouterelement", ()):
        ids["router"] = element["id"]
    for element in desk.ask("listInternalLoadBalancerElements").get("internalloadbalancerelement", ()):
        ids["balancer"] = element["id"]
    ids["provider"] = desk.ask("listNetworkServiceProviders", name="ConfigDrive")["networkserviceprovider"][0]["id"]
    dedicated = {"physicalnetworkid": ids["physical"], "vlanrange": "5900-5910", "account": "ann"}
    root = desk.ask("listDomains", name="ROOT")["domain"][0]["id"]
    ids["dedicated"] = desk.ask("dedicateGuestVlanRange", domainid=root, **dedicated)["dedicatedguestvlanrange"]["id"]
    shared = {"gateway": "10.3.0.1", "netmask": "255.255.255.0", "startip": "10.3.0.10", "endip": "10.3.0.20"}
    desk.ask("createNetwork", name="shared", zoneid=ids["zone"], networkofferingid=desk.offering("Shared"), vlan="5555", **shared)
    ids["range"] = desk.ask("listVlanIpRanges")["vlaniprange"][0]["id"]
    ids["template"] = desk.ask("registerTemplate", name="t", url="vxloom:namespace", hypervisor="KVM")["template"][0]["id"]
    ids["big"] = desk.ask("createServiceOffering", name="big", displaytext="big", cpunumber=4, cpuspeed=1000, memory=4096)[
        "serviceoffering"
    ]["id"]
    desk.ask("registerSSHKeyPair", name="mine", publickey=PUBLIC_KEY)
    desk.do("createTags", resourceids=ids["net"], resourcetype="Network", tags__0__key="a", tags__0__value="b")


@dataclass(frozen=True)
class Case:
    """One way to begin a job. In the values ``{name}`` stands for what the world has under that name."""

    command: str
    given: dict[str, str]
    first: Callable[[Desk, dict[str, str]], object] = lambda desk, ids: None
    """What is done before, and ends well."""

    @property
    def waits(self) -> bool:
        """Whether somebody is waited for; not so where nothing of it is on a host."""
        waits = type(registry()[self.command]).advance is not Command.advance
        return waits and not {("startvm", "false"), ("lock", "true")} & set(self.given.items())

    @property
    def name(self) -> str:
        return " ".join([self.command, *(f"{key}={value}" for key, value in self.given.items())])

    def begin(self, desk: Desk, world: World) -> str:
        """Begin the job and return its id."""
        self.first(desk, world.ids)
        given: dict[str, Any] = {name: text.format_map(world.ids) for name, text in self.given.items()}
        if self.command == "deployVirtualMachine":
            given |= desk.sizes() | {"zoneid": world.ids["zone"]}
        return str(desk.ask(self.command, **given)["jobid"])


def _maintained(desk: Desk, ids: dict[str, str]) -> object:
    return desk.do("prepareHostForMaintenance", id=ids["h1"])


def _suspended(desk: Desk, ids: dict[str, str]) -> object:
    return desk.do("suspendProject", id=ids["project"])


def _halted(desk: Desk, ids: dict[str, str]) -> object:
    return desk.do("stopVirtualMachine", id=ids["vm"])


def _left(desk: Desk, ids: dict[str, str]) -> None:
    """Make ann the project's admin, and take who was it out of it."""
    desk.do("updateProject", id=ids["project"], account="ann")
    desk.do("deleteAccountFromProject", projectid=ids["project"], account="admin")


def _unplugged(desk: Desk, ids: dict[str, str]) -> None:
    """Take the machine off its second network; then its host has not yet said that nothing of the segment is left."""
    desk.ask("removeNicFromVirtualMachine", virtualmachineid=ids["vm"], nicid=ids["vm-last-nic"])
    desk.runner().turn()


def _abandoned(desk: Desk, ids: dict[str, str]) -> None:
    """Stop what is on h1 without its word: it has nothing bound, and has not said that nothing is left."""
    for vm in desk.ask("listVirtualMachines", listall="true", hostid=ids["h1"])["virtualmachine"]:
        desk.ask("stopVirtualMachine", id=vm["id"], forced="true")
    desk.runner().turn()
    desk.acknowledge(ids["h1"])
    desk.runner().turn()


def _bare(desk: Desk, ids: dict[str, str]) -> None:
    for one in desk.ask("listNetworkServiceProviders", name="VpcVirtualRouter", physicalnetworkid=ids["physical"]).get(
        "networkserviceprovider", ()
    ):
        desk.do("deleteNetworkServiceProvider", id=one["id"])


VM, NIC, LAST = "{vm}", "{vm-nic}", "{vm-last-nic}"
CASES = (
    Case("activateProject", {"id": "{project}"}, _suspended),
    Case("addAccountToProject", {"projectid": "{project}", "account": "admin"}, _left),
    Case("addIpToNic", {"nicid": NIC}),
    Case("addNetworkServiceProvider", {"name": "VpcVirtualRouter", "physicalnetworkid": "{physical}"}, _bare),
    Case("addNicToVirtualMachine", {"virtualmachineid": VM, "networkid": "{third}"}),
    Case("addTrafficType", {"physicalnetworkid": "{bare}", "traffictype": "Public"}),
    Case("allowSharedAddress", {"nicid": NIC, "address": "10.1.1.200"}),
    Case("cancelHostMaintenance", {"id": "{h1}"}, _maintained),
    Case("configureInternalLoadBalancerElement", {"id": "{balancer}", "enabled": "true"}),
    Case("configureVirtualRouterElement", {"id": "{router}", "enabled": "true"}),
    Case("createPhysicalNetwork", {"name": "more", "zoneid": "{empty}"}),
    Case("createProject", {"name": "q"}),
    Case("createTags", {"resourceids": VM, "resourcetype": "UserVm", "tags__0__key": "k", "tags__0__value": "v"}),
    Case("createTemplate", {"name": "golden", "virtualmachineid": "{down}"}),
    Case("deleteAccount", {"id": "{ann}"}),
    Case("deleteAccountFromProject", {"projectid": "{project}", "account": "ann"}),
    Case("deleteDomain", {"id": "{domain}", "cleanup": "true"}),
    Case("deleteNetwork", {"id": "{second}"}, _unplugged),
    Case("deleteNetworkServiceProvider", {"id": "{provider}"}),
    Case("deletePhysicalNetwork", {"id": "{bare}"}),
    Case("deleteProject", {"id": "{project}", "cleanup": "true"}),
    Case("deleteTags", {"resourceids": "{net}", "resourcetype": "Network"}),
    Case("deleteTemplate", {"id": "{template}"}),
    Case("deleteTrafficType", {"id": "{traffic}"}),
    Case("deployVirtualMachine", {"networkids": "{net},{third}"}),
    Case("deployVirtualMachine", {"networkids": "{third}", "startvm": "false"}),
    Case("destroyVirtualMachine", {"id": VM}),
    Case("destroyVirtualMachine", {"id": VM, "expunge": "true"}),
    Case("disableAccount", {"id": "{ann}", "lock": "false"}),
    Case("disableAccount", {"id": "{ann}", "lock": "true"}),
    Case("disableUser", {"id": "{ann-user}"}),
    Case("expungeVirtualMachine", {"id": "{ruin}"}),
    Case("migrateVirtualMachine", {"virtualmachineid": VM, "hostid": "{h3}"}),
    Case("prepareHostForMaintenance", {"id": "{h1}"}),
    Case("prepareHostForMaintenance", {"id": "{h1}"}, _abandoned),
    Case("rebootVirtualMachine", {"id": VM}),
    Case("reconnectHost", {"id": "{h1}"}),
    Case("releaseDedicatedGuestVlanRange", {"id": "{dedicated}"}),
    Case("removeIpFromNic", {"id": "{address}"}),
    Case("removeNicFromVirtualMachine", {"virtualmachineid": VM, "nicid": LAST}),
    Case("resetSSHKeyForVirtualMachine", {"id": "{down}", "keypair": "mine"}),
    Case("restartNetwork", {"id": "{net}"}),
    Case("restoreVirtualMachine", {"virtualmachineid": VM}),
    Case("scaleVirtualMachine", {"id": "{down}", "serviceofferingid": "{big}"}),
    Case("startVirtualMachine", {"id": VM}, _halted),
    Case("stopVirtualMachine", {"id": VM}),
    Case("stopVirtualMachine", {"id": VM, "forced": "true"}),
    Case("suspendProject", {"id": "{project}"}),
    Case("updateDefaultNicForVirtualMachine", {"virtualmachineid": VM, "nicid": LAST}),
    Case("updateNetwork", {"id": "{net}", "name": "renamed"}),
    Case("updateNetworkServiceProvider", {"id": "{provider}", "state": "Enabled"}),
    Case("updatePhysicalNetwork", {"id": "{physical}", "vlan": "5000-6999"}),
    Case("updateProject", {"id": "{project}", "displaytext": "more"}),
    Case("updateTrafficType", {"id": "{traffic}", "kvmnetworklabel": "br9"}),
    Case("updateVlanIpRange", {"id": "{range}", "endip": "10.3.0.30"}),
    Case("updateVmNicIp", {"nicid": NIC, "ipaddress": "10.1.1.77"}),
)


@dataclass
class Restarted:
    """What a server has that was started again: the file, and those hosts that came back. ``silent`` of them acknowledge nothing."""

    desk: Desk
    runner: Runner
    silent: frozenset[str]
    concerned: set[str] = dataclasses.field(default_factory=set)
    """Hosts that some job could not do without, and that had not said yes when it was looked at."""

    @classmethod
    @contextmanager
    def after(cls, before: Desk, *, back: frozenset[str], silent: frozenset[str]) -> Iterator[Restarted]:
        """Open the store anew; of the old server nothing is used any more."""
        store = Store(before.store.url)
        # How SQL is spelled, which is costly to find out anew; nothing a server knows.
        store._engine._compiled_cache = before.store._engine._compiled_cache
        desk = Desk(store, Hosts(), before.key, before.secret)
        desk.hosts.up = set(back)
        runner = Runner(store, desk.hosts, patience=0, clock=lambda: desk.time or time.time())
        runner.take_over()
        try:
            yield cls(desk, runner, silent)
        finally:
            store.close()

    def waited(self) -> set[str]:
        """Return whom jobs wait for now."""
        with self.desk.store.read() as rx:
            return {wait.host for wait in rx.all(records.JobWait, acked=False)}

    def to_the_end(self) -> None:
        """Let hosts speak, and the time pass, until no job is pending."""
        for number in range(ROUNDS):
            with self.desk.store.read() as rx:
                pending = rx.pending_jobs()
                waits = [wait for job in pending for wait in rx.waits(job.id)]
            if not pending:
                return
            self.concerned |= {wait.host for wait in waits if wait.role is records.WaitRole.MUST and not wait.acked}
            self.desk.time = time.time() + 3600 * number
            self.desk.acknowledge(*self.silent)
            self.runner.turn()
        raise AssertionError(f"left running: {[(job.command, job.phase) for job in pending]}")

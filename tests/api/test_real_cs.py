"""The `cs` client, in PyPI's release and in Debian's: workflows on its command line, and one script for both libraries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.cloud import Cloud
from tests.api.programs import CLIENTS, COMMAND_LINES, PYTHONS, Programs
from tests.api.world import Hosts, make_zone, running
from tests.waiting import wait_until

NOBODY = "00000000-0000-4000-8000-000000000000"


class CommandLine:
    """One release's command line; it waits for jobs by itself."""

    def __init__(self, programs: Programs, command: str) -> None:
        self._programs = programs
        self._command = command

    def __call__(self, command: str, *options: str, environment: dict[str, str] | None = None, **parameters: str) -> Any:
        """What is inside the answer; it prints nothing at all for an empty one."""
        given = [f"{name}={value}" for name, value in parameters.items()]
        text = self._programs.succeed(self._command, *options, command, *given, **self._environment, **(environment or {}))
        return json.loads(text) if text.strip() else {}

    def refused(self, command: str, *options: str, environment: dict[str, str] | None = None, **parameters: str) -> dict[str, Any]:
        """The error: of the request, or of the job that it began."""
        given = [f"{name}={value}" for name, value in parameters.items()]
        done = self._programs.run(self._command, *options, command, *given, **self._environment, **(environment or {}))
        assert done.returncode != 0, done.stdout
        [body] = json.loads(done.stdout).values()
        return dict(body.get("jobresult", body))

    @property
    def _environment(self) -> dict[str, str]:
        return {"CLOUDSTACK_POLL_INTERVAL": "0.05"}


@pytest.fixture(params=COMMAND_LINES)
def cli(request: pytest.FixtureRequest, programs: Programs) -> CommandLine:
    return CommandLine(programs, COMMAND_LINES[request.param])


def test_d1_the_first_minutes_on_a_fresh_server(tmp_path: Path) -> None:
    with running(tmp_path / "server") as server:
        for command in COMMAND_LINES.values():
            cli = CommandLine(Programs(server.exports, tmp_path), command)
            assert cli("listCapabilities")["capability"]["cloudstackversion"]
            assert {"listZones", "deployVirtualMachine", "listApis"} <= {api["name"] for api in cli("listApis")["api"]}
            assert cli("listZones") == {}
            for wrong in ({"CLOUDSTACK_KEY": "nobody"}, {"CLOUDSTACK_SECRET": "wrong"}):
                for options in ((), ("--post",)):
                    body = cli.refused("listZones", *options, environment=wrong)
                    assert (body["errorcode"], body["errortext"]) == (
                        401,
                        "unable to verify user credentials and/or request signature",
                    )


@pytest.mark.parametrize("release", PYTHONS)
def test_d2_one_script_for_both_releases_of_the_library(programs: Programs, cloud: Cloud, release: str) -> None:
    report = json.loads(programs.succeed(PYTHONS[release], "-I", CLIENTS / "cs_library.py", cloud.zone, release))
    assert report["awkward"] == 2 * 13
    assert report["machine"] == ["Running", "Stopped", "Running"]
    assert report["left"] == {"network": 0, "virtualmachine": 0}


def test_d8_an_l2_network_a_machine_and_a_move_there_and_back(cli: CommandLine, cloud: Cloud) -> None:
    network = cli("createNetwork", name="d8", zoneid=cloud.zone, networkofferingid=cloud.offering("L2"))["network"]
    vm = cli("deployVirtualMachine", name="d8", zoneid=cloud.zone, networkids=network["id"], hostid=cloud.hosts["sim1"], **cloud.sizes)
    vm = vm["virtualmachine"]
    assert (vm["state"], vm["hostid"]) == ("Running", cloud.hosts["sim1"])
    assert "ipaddress" not in vm["nic"][0]
    assert "gateway" not in vm["nic"][0]
    [segment] = cli("listNetworks", id=network["id"])["network"]
    assert segment["broadcasturi"] == f"vxlan://{segment['vlan']}"
    for host in ("sim2", "sim1"):
        able = cli("findHostsForMigration", virtualmachineid=vm["id"])["host"]
        assert host in {candidate["name"] for candidate in able if candidate["suitableformigration"]}
        moved = cli("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=cloud.hosts[host])["virtualmachine"]
        assert (moved["state"], moved["hostid"], moved["hostname"]) == ("Running", cloud.hosts[host], host)
        assert moved["nic"][0]["macaddress"] == vm["nic"][0]["macaddress"]
        assert cli("listNetworks", id=network["id"])["network"][0]["vlan"] == segment["vlan"]
    cli("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert cli("deleteNetwork", id=network["id"]) == {"success": True}


def test_d9_jobs_by_hand(cli: CommandLine, cloud: Cloud, hosts: Hosts, request: pytest.FixtureRequest) -> None:
    zone = make_zone(cloud.api, f"slow-{request.node.callspec.id}")
    name = f"agent-{request.node.callspec.id}"
    host = hosts.join(cloud.api, zone, name)
    network = cli("createNetwork", name="d9", zoneid=zone, networkofferingid=cloud.offering("L2"))["network"]
    hosts.say(name, mute=True)
    begun = cli("deployVirtualMachine", "--async", zoneid=zone, networkids=network["id"], hostid=host, **cloud.sizes)
    assert set(begun) == {"id", "jobid"}
    pending = cli("queryAsyncJobResult", jobid=begun["jobid"])
    assert (pending["jobstatus"], pending["jobinstanceid"]) == (0, begun["id"])
    assert "jobresult" not in pending
    assert cli("listVirtualMachines", id=begun["id"])["virtualmachine"][0]["state"] == "Starting"
    hosts.say(name, mute=False)
    done = wait_until(lambda: (job := cli("queryAsyncJobResult", jobid=begun["jobid"]))["jobstatus"] and job, "the job ends", seconds=20)
    assert (done["jobstatus"], done["jobresultcode"], done["jobresulttype"], done["jobinstancetype"]) == (1, 0, "object", "VirtualMachine")
    assert done["jobresult"]["virtualmachine"]["state"] == "Running"
    assert done["completed"] >= done["created"]

    hosts.say(name, mute=True)
    cli("updateConfiguration", name="vxloom.job.deadline", value="1")
    failed = cli.refused("stopVirtualMachine", id=begun["id"])
    cli("updateConfiguration", name="vxloom.job.deadline", value="60")
    assert failed["errorcode"] == 530
    assert name in failed["errortext"]
    hosts.say(name, mute=False)
    assert cli.refused("queryAsyncJobResult", jobid=NOBODY)["errorcode"] == 431


def test_d10_pages_filters_and_bad_ids(cli: CommandLine, cloud: Cloud, request: pytest.FixtureRequest) -> None:
    common = f"Page-{request.node.callspec.id}-"
    names = [f"{common}1", f"{common}2", f"{common}3", "other"]
    ids = [cli("createNetwork", name=name, zoneid=cloud.zone, networkofferingid=cloud.offering("L2"))["network"]["id"] for name in names]
    first = cli("listNetworks", keyword=common.lower(), page="1", pagesize="2")
    assert (first["count"], len(first["network"])) == (3, 2)
    second = cli("listNetworks", keyword=common.upper(), page="2", pagesize="2")
    assert (second["count"], len(second["network"])) == (3, 1)
    assert {network["id"] for network in first["network"] + second["network"]} == set(ids[:3])
    assert cli("listNetworks", keyword=common.lower(), page="9", pagesize="2") == {"count": 3}
    assert cli("listNetworks", keyword="nothing has this") == {}
    assert len(cli("listNetworks", keyword=common.lower(), pagesize="-1")["network"]) == 3
    assert cli("listZones", name="SIMULATED")["zone"][0]["id"] == cloud.zone
    for bad in ({"pagesize": "2"}, {"page": "1", "pagesize": "501"}, {"id": "7"}, {"id": NOBODY}):
        body = cli.refused("listNetworks", **bad)
        assert body["errorcode"] == 431, bad
    assert NOBODY in body["errortext"]
    for network in ids:
        cli("deleteNetwork", id=network)


def test_d11_another_account_sees_its_own_only(cli: CommandLine, cloud: Cloud, request: pytest.FixtureRequest) -> None:
    name = f"tenant-{request.node.callspec.id}"
    person = {"firstname": "T", "lastname": "Enant", "email": "t@example.org", "password": "secret"}
    account = cli("createAccount", username=name, account=name, accounttype="0", **person)["account"]
    second = cli("createUser", username=f"{name}-2", account=name, domainid=account["domainid"], **person)["user"]
    keys = cli("registerUserKeys", id=second["id"])["userkeys"]
    theirs = cli("createNetwork", name="the admin's", zoneid=cloud.zone, networkofferingid=cloud.offering("L2"))["network"]
    me = {"CLOUDSTACK_KEY": keys["apikey"], "CLOUDSTACK_SECRET": keys["secretkey"]}
    assert cli("listNetworks", environment=me) == {}
    mine = cli("createNetwork", environment=me, name="mine", zoneid=cloud.zone, networkofferingid=cloud.offering("L2"))["network"]
    assert (mine["account"], "vlan" in mine, "broadcasturi" in mine) == (name, False, False)
    assert [network["name"] for network in cli("listNetworks", environment=me, listall="true")["network"]] == ["mine"]
    assert cli.refused("listNetworks", environment=me, id=theirs["id"])["errorcode"] == 431
    assert cli.refused("deleteNetwork", environment=me, id=theirs["id"])["errorcode"] == 431
    denied = cli.refused("listHosts", environment=me)
    assert denied["errorcode"] in {401, 432}
    cli("deleteUser", id=second["id"])
    assert cli.refused("listNetworks", environment=me)["errorcode"] == 401
    cli("deleteNetwork", id=theirs["id"])
    assert cli("deleteAccount", id=account["id"]) == {"success": True}

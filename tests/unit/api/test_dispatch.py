"""Who is let in, what an error looks like, lists and their pages, people and keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from starlette.types import Message

from tests.unit.api.desk import Desk, signed
from vxloom.server.app import MAX_BODY, create_app
from vxloom.server.command import registry
from vxloom.server.dispatch import answer
from vxloom.server.parameters import Kind
from vxloom.server.visit import Visit
from vxloom.store import records

REFUSED = "unable to verify user credentials and/or request signature"


def sent(desk: Desk, pairs: dict[str, str]) -> tuple[int, str, dict[str, object]]:
    reply = answer(list(pairs.items()), store=desk.store, fleet=desk.hosts)
    [(wrapper, content)] = json.loads(reply.body).items()
    return reply.status, wrapper, content


def request(desk: Desk, command: str = "listZones", **more: str) -> dict[str, str]:
    pairs = {"command": command, "apiKey": desk.key, "response": "json", **more}
    return pairs | {"signature": signed(pairs, desk.secret)}


def test_the_unknown_are_not_let_in(desk: Desk) -> None:
    good = request(desk)
    stale = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S+0000")
    bad = {
        "no key": {name: value for name, value in good.items() if name != "apiKey"},
        "no signature": {name: value for name, value in good.items() if name != "signature"},
        "unknown key": good | {"apiKey": "x" * 86},
        "wrong signature": good | {"signature": signed({"command": "listZones"}, desk.secret)},
        "more than was signed": good | {"listall": "true"},
        "expired": request(desk, signatureVersion="3", expires=stale),
        "no expiry": request(desk, signatureVersion="3"),
        "nothing at all": {"response": "json"},
    }
    for what, pairs in bad.items():
        status, _, content = sent(desk, pairs)
        assert (status, content["errorcode"], content["errortext"]) == (401, 401, REFUSED), what
    assert sent(desk, good)[0] == 200


def test_an_unsigned_unknown_command_is_not_told_apart(desk: Desk) -> None:
    assert sent(desk, {"command": "noSuchCommand", "response": "json"})[0] == 401


def test_a_wrapper_is_the_commands_own_or_errorresponse(desk: Desk) -> None:
    assert sent(desk, {"command": "listZones", "response": "json"})[:2] == (401, "listzonesresponse")
    for command in ("noSuchCommand", "listzones", ""):
        status, wrapper, content = sent(desk, request(desk, command))
        assert (status, wrapper, content["errorcode"]) == (432, "errorresponse", 432)


def test_errors_have_the_documented_shape(desk: Desk) -> None:
    status, wrapper, content = sent(desk, request(desk, "listZones", id="7"))
    assert (status, wrapper) == (431, "listzonesresponse")
    assert set(content) == {"uuidList", "errorcode", "cserrorcode", "errortext"}
    assert (content["uuidList"], content["cserrorcode"]) == ([], 4350)
    assert "Invalid parameter id value=7" in str(content["errortext"])


def test_xml_is_the_default(desk: Desk) -> None:
    desk.zone("lab & co")
    reply = desk.raw("listZones", form="")
    assert (reply.status, reply.content_type) == (200, "text/xml;charset=UTF-8")
    root = ET.fromstring(reply.body)
    assert (root.tag, root.findtext("count"), root.findtext("zone/name")) == ("listzonesresponse", "1", "lab & co")
    refused = desk.raw("listZones", form="xml", id="7")
    assert (refused.status, ET.fromstring(refused.body).findtext("errorcode")) == (431, "431")


def test_errors_are_json_where_json_was_asked_for(desk: Desk) -> None:
    # the cs library refuses to parse an error of another type
    assert desk.raw("noSuchCommand").content_type.startswith("application/json")
    assert answer([("response", "JSON")], store=desk.store, fleet=desk.hosts).content_type.startswith("application/json")


def test_what_nobody_foresaw_is_one_line_and_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = desk.zone()
    monkeypatch.setattr(desk.hosts, "live", lambda: 1 / 0)
    refused = desk.refused("deployVirtualMachine", zoneid=zone, networkids=desk.network(zone)["id"], **desk.sizes())
    assert (refused.status, refused.content["cserrorcode"]) == (530, 9999)
    assert "ZeroDivision" not in refused.text
    assert desk.ask("listVirtualMachines") == {}


def test_a_disabled_user_is_not_let_in(desk: Desk) -> None:
    tenant = desk.tenant("blue")
    assert tenant.ask("listZones") == {}
    with desk.store.write("test") as tx:
        user = tx.one(records.User, username="blue")
        assert user is not None
        tx.update(records.User, user.id, state="disabled")
    assert tenant.refused("listZones").status == 401


def test_changes_must_be_posted_and_expire_soon_where_the_setting_says_so(desk: Desk) -> None:
    desk.ask("updateConfiguration", name="enforce.post.requests.and.timestamps", value="true")

    def status(command: str, minutes: int, *, posted: bool, version: str = "3") -> int:
        expires = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S+0000")
        pairs = request(desk, command, signatureVersion=version, expires=expires)
        return answer(list(pairs.items()), store=desk.store, fleet=desk.hosts, visit=Visit(posted=posted)).status

    assert status("listZones", 10, posted=False) == 200
    assert status("listZones", 20, posted=False) == 401
    assert status("listZones", -1, posted=False, version="2") == 401
    assert status("createZone", 10, posted=False) == 405
    assert status("createZone", 10, posted=True) == 431
    assert sent(desk, request(desk))[0] == 401


def test_users_may_not_use_what_is_for_admins(desk: Desk) -> None:
    tenant = desk.tenant("blue")
    refused = tenant.refused("createZone", name="z", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")
    assert refused.status == 401
    assert "not available for user" in refused.text
    usable = {api["name"] for api in tenant.ask("listApis")["api"]}
    assert "createNetwork" in usable
    assert not {"createZone", "listHosts", "migrateVirtualMachine", "confirmHost"} & usable


def test_pages(desk: Desk) -> None:
    for number in range(5):
        desk.ask("createZone", name=f"z{number}", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")

    def names(**given: object) -> list[str]:
        answer = desk.ask("listZones", **given)
        assert answer["count"] == 5
        return [zone["name"] for zone in answer.get("zone", [])]

    assert names(page=1, pagesize=2) == ["z0", "z1"]
    assert names(page=3, pagesize=2) == ["z4"]
    assert desk.ask("listZones", page=4, pagesize=2) == {"count": 5}
    assert len(names(pagesize=-1)) == 5
    for given in ({"page": 1}, {"pagesize": 5}, {"page": 1, "pagesize": 501}, {"page": 0, "pagesize": 5}, {"page": 1, "pagesize": -1}):
        assert desk.refused("listZones", **given).status == 431
    desk.ask("updateConfiguration", name="default.page.size", value="3")
    answer = desk.ask("listZones")
    assert (answer["count"], len(answer["zone"])) == (5, 3)
    assert desk.ask("listConfigurations", page=2, pagesize=3)["count"] > 3


def test_the_list_of_commands_is_what_clients_generate_code_from(desk: Desk) -> None:
    apis = desk.ask("listApis", listall="true")["api"]
    assert {api["name"] for api in apis} == set(registry())
    kinds = {kind.value for kind in Kind}
    for api in apis:
        assert isinstance(api["isasync"], bool)
        assert api["description"]
        assert api["response"]
        for parameter in api["params"]:
            assert isinstance(parameter["required"], bool)
            assert isinstance(parameter["length"], int)
            assert parameter["type"] in kinds
            assert parameter["description"]
    assert [api["name"] for api in desk.ask("listApis", name="listZones")["api"]] == ["listZones"]
    assert b"\n" not in desk.raw("listApis").body


def test_accounts_users_and_keys(desk: Desk) -> None:
    given = {"username": "alice", "password": "geheim", "firstname": "A", "lastname": "B", "email": "a@example.org"}
    account = desk.ask("createAccount", account="Blue", accounttype=0, **given)["account"]
    assert (account["name"], account["accounttype"], account["state"], account["domainpath"]) == ("Blue", 0, "enabled", "ROOT")
    [user] = account["user"]
    assert (user["username"], user["roletype"]) == ("alice", "User")
    assert desk.refused("getUserKeys", id=user["id"]).status == 431
    keys = desk.ask("registerUserKeys", id=user["id"])["userkeys"]
    assert desk.ask("getUserKeys", id=user["id"])["userkeys"] == keys
    alice = desk.as_user(keys["apikey"], keys["secretkey"])
    assert [row["name"] for row in alice.ask("listAccounts")["account"]] == ["Blue"]
    assert alice.refused("registerUserKeys", id=desk.ask("listUsers", username="admin")["user"][0]["id"]).status == 431
    bob = desk.ask("createUser", account="blue", **(given | {"username": "bob"}))["user"]
    assert bob["account"] == "Blue"
    assert [row["username"] for row in alice.ask("listUsers")["user"]] == ["alice", "bob"]
    desk.ask("registerUserKeys", id=user["id"])
    assert alice.refused("listZones").status == 401  # the old pair works no longer
    with desk.store.read() as rx:
        stored = rx.one(records.User, username="alice")
    assert stored is not None
    assert "geheim" not in str(stored.password_hash)


def test_names_of_people_are_taken_once(desk: Desk) -> None:
    given = {"password": "x", "firstname": "A", "lastname": "B", "email": "a@example.org"}
    desk.ask("createAccount", username="alice", **given)
    assert desk.refused("createAccount", username="Alice", **given).status == 431
    assert desk.refused("createAccount", username="alice", account="other", **given).status == 431
    assert desk.refused("createUser", username="ALICE", account="alice", **given).status == 431
    assert desk.refused("createUser", username="bob", account="nobody", **given).status == 431
    assert desk.refused("createAccount", username="carol", accounttype=7, **given).status == 431


def test_domain_admins_reach_their_domain_and_those_below(desk: Desk) -> None:
    with desk.store.write("test") as tx:
        root = tx.one(records.Domain, path="ROOT")
        assert root is not None
        a = tx.add(records.Domain(name="a", parent=root.id, path="ROOT/a", level=1))
        b = tx.add(records.Domain(name="b", parent=a.id, path="ROOT/a/b", level=2))
        other = tx.add(records.Domain(name="ab", parent=root.id, path="ROOT/ab", level=1))
    given = {"password": "x", "firstname": "A", "lastname": "B", "email": "a@example.org"}
    users = {}
    for name, domain, kind in (("boss", a.id, 2), ("worker", b.id, 0), ("stranger", other.id, 0)):
        user = desk.ask("createAccount", username=name, domainid=domain, accounttype=kind, **given)["account"]["user"][0]
        keys = desk.ask("registerUserKeys", id=user["id"])["userkeys"]
        users[name] = desk.as_user(keys["apikey"], keys["secretkey"])
    zone = desk.zone()
    for user in users.values():
        user.network(zone)
    boss = users["boss"]
    assert len(boss.ask("listNetworks")["network"]) == 1
    assert {row["account"] for row in boss.ask("listNetworks", listall="true")["network"]} == {"boss", "worker"}
    assert {row["account"] for row in boss.ask("listNetworks", domainid=a.id, isrecursive="true")["network"]} == {"boss", "worker"}
    assert boss.ask("listNetworks", account="worker", domainid=b.id)["count"] == 1
    assert boss.refused("listNetworks", account="stranger", domainid=other.id).status == 431
    assert boss.refused("listNetworks", domainid=other.id).status == 431
    assert {row["path"] for row in boss.ask("listDomains")["domain"]} == {"ROOT/a", "ROOT/a/b"}
    assert {row["path"] for row in users["worker"].ask("listDomains")["domain"]} == {"ROOT/a/b"}


def test_an_unknown_job_is_431_and_so_is_anothers(desk: Desk) -> None:
    assert desk.refused("queryAsyncJobResult", jobid="00000000-0000-4000-8000-000000000000").status == 431
    zone = desk.zone()
    job = desk.ask("listAsyncJobs")["asyncjobs"][0]
    assert job["jobresult"]
    assert desk.ask("listAsyncJobs", startdate="2999-01-01") == {}
    tenant = desk.tenant("blue")
    assert tenant.refused("queryAsyncJobResult", jobid=job["jobid"]).status == 431
    assert tenant.ask("listAsyncJobs") == {}
    assert zone


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"a" * (MAX_BODY + 1), 413),
        ({"content-type": "application/json"}, b"{}", 415),
        ({}, b"a=%ff", 430),
        ({}, "é=1".encode(), 430),
        ({}, b"&".join(b"a%d=1" % n for n in range(3000)), 430),
    ],
    ids=["large", "json", "not utf-8", "not encoded", "many"],
)
def test_a_body_that_cannot_be_read_is_refused_before_anything_else(desk: Desk, headers: dict[str, str], body: bytes, status: int) -> None:
    assert exchange(desk, "POST", "", body, headers)[0] == status


def test_post_and_get_and_the_query_wins(desk: Desk) -> None:
    desk.zone("lab")
    from urllib.parse import urlencode

    pairs = request(desk, name="lab")
    both = {"name": "nothing", "command": "listHosts"}
    assert exchange(desk, "GET", urlencode(pairs), b"", {})[1]["listzonesresponse"]["count"] == 1
    assert exchange(desk, "POST", "", urlencode(pairs).encode(), {})[1]["listzonesresponse"]["count"] == 1
    assert exchange(desk, "POST", urlencode(pairs), urlencode(both).encode(), {})[1]["listzonesresponse"]["count"] == 1
    assert exchange(desk, "POST", urlencode({"command": "listZones"}), urlencode(pairs).encode(), {})[0] == 200


def exchange(desk: Desk, method: str, query: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict]:
    """Speak ASGI with the application, as uvicorn would."""
    import asyncio

    app = create_app(desk.store, desk.hosts)
    said: list[Message] = []
    scope = {
        "type": "http",
        "method": method,
        "path": "/client/api",
        "raw_path": b"/client/api",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    asyncio.run(app(scope, receive, send))
    return said[0]["status"], json.loads(said[1]["body"])

"""A write that names a key is done once, however often it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.unit.api.desk import DONE, Desk
from vxloom.server.call import Call
from vxloom.server.command import Field, registry
from vxloom.server.responses import Fields
from vxloom.store import records

UUID = "12345678-1234-4234-8234-123456789abc"
ZONE = {"networktype": "Advanced", "dns1": "192.0.2.53", "internaldns1": "192.0.2.53"}


def counted(desk: Desk, kind: type[object]) -> int:
    with desk.store.read() as rx:
        return rx.count(kind)


def test_a_repeated_write_is_done_once(desk: Desk) -> None:
    first = desk.ask("createZone", name="z1", idempotencykey="k1", **ZONE)
    assert desk.ask("createZone", name="z1", idempotencykey="k1", **ZONE) == first
    assert desk.refused("createZone", name="z1", **ZONE).status == 431  # without the key it is a second zone of that name
    assert counted(desk, records.Zone) == 1


def test_a_repeated_job_is_the_first_ones_also_after_it_ended(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone)["id"]
    given = {"name": "vm1", "zoneid": zone, "networkids": network, "idempotencykey": "k1", **desk.sizes()}
    first = desk.ask("deployVirtualMachine", **given)
    assert desk.ask("deployVirtualMachine", **given) == first
    desk.settle()
    assert desk.job(first["jobid"])["jobstatus"] == DONE
    assert desk.ask("deployVirtualMachine", **given) == first
    assert desk.ask("listVirtualMachines")["count"] == 1
    events = desk.ask("listEvents", type="VM.CREATE", state="Created")["event"]
    assert len(events) == 1


def test_the_order_and_the_spelling_of_names_do_not_matter_but_the_values_do(desk: Desk) -> None:
    first = desk.ask("createZone", name="z1", idempotencykey="k1", **ZONE)
    assert desk.ask("createZone", **dict(reversed(ZONE.items())), idempotencyKey="k1", NAME="z1", unknown="7") == first
    refused = desk.refused("createZone", name="z2", idempotencykey="k1", **ZONE)
    assert refused.status == 431
    assert "idempotencykey k1 was used for another call of createZone" in refused.text
    assert desk.refused("createPod", name="p", zoneid=UUID, gateway="10.0.0.1", netmask="255.0.0.0", idempotencykey="k1").status == 431
    assert counted(desk, records.Zone) == 1


def test_what_failed_may_be_sent_again(desk: Desk) -> None:
    bad = {"name": "n", "zoneid": UUID, "networkofferingid": desk.offering("Isolated"), "idempotencykey": "k1"}
    assert desk.refused("createNetwork", **bad).status == 431
    zone = desk.zone()
    made = desk.ask("createNetwork", **(bad | {"zoneid": zone}))["network"]
    assert desk.ask("createNetwork", **(bad | {"zoneid": zone}))["network"] == made


def test_keys_are_a_users_own(desk: Desk, zone: str) -> None:
    blue, red = desk.tenant("blue"), desk.tenant("red")
    made = [who.network(zone, "n", idempotencykey="k1")["id"] for who in (blue, red, blue, red)]
    assert made[:2] == made[2:]
    assert made[0] != made[1]


def test_a_key_is_nothing_to_a_question(desk: Desk) -> None:
    assert desk.ask("listZones", idempotencykey="k1") == {}
    zone = desk.zone()
    assert desk.ask("listZones", idempotencykey="k1")["zone"][0]["id"] == zone
    assert counted(desk, records.Answered) == 0


def test_a_root_admins_uuid_becomes_the_objects_id(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone, "n1", customid=UUID.upper())
    assert network["id"] == UUID
    assert desk.network(zone, "n1", customid=UUID.upper()) == network
    assert desk.refused("createNetwork", name="n2", zoneid=zone, networkofferingid=desk.offering("L2"), customid=UUID.upper()).status == 431
    given = {"name": "vm1", "zoneid": zone, "networkids": UUID, **desk.sizes()}
    other = UUID.replace("9", "8")
    first = desk.ask("deployVirtualMachine", customid=other, **given)
    assert first["id"] == other
    assert desk.ask("deployVirtualMachine", customid=other, **given) == first
    # another key does not make a second object of that id either
    refused = desk.refused("deployVirtualMachine", customid=other, idempotencykey="k2", **(given | {"name": "vm2"}))
    assert refused.status == 431


def test_the_id_stays_taken_after_the_answer_was_forgotten(desk: Desk, zone: str) -> None:
    desk.network(zone, "n1", customid=UUID)
    desk.ask("updateConfiguration", name="vxloom.job.keep", value="-1")
    desk.runner().sweep()
    assert counted(desk, records.Answered) == 0
    refused = desk.refused("createNetwork", name="n1", zoneid=zone, networkofferingid=desk.offering("Isolated"), customid=UUID)
    assert refused.status == 431
    assert "taken" in refused.text


def test_a_users_customid_is_a_key_only(desk: Desk, zone: str) -> None:
    blue = desk.tenant("blue")
    first, again = (blue.network(zone, "n", customid=UUID) for _ in range(2))
    assert first == again
    assert first["id"] != UUID
    words = blue.network(zone, "m", customid="order 7")
    assert blue.network(zone, "m", customid="order 7") == words


def test_an_answer_is_kept_as_long_as_a_job(desk: Desk) -> None:
    desk.ask("createZone", name="z1", idempotencykey="k1", **ZONE)
    desk.runner().sweep()
    assert counted(desk, records.Answered) == 1
    with desk.store.read() as rx:
        keep = rx.setting_int("vxloom.job.keep")
    with desk.store.write("test") as tx:
        [row] = tx.all(records.Answered)
        tx.update(records.Answered, row.id, created=row.created - keep - 1)
    desk.runner().sweep()
    assert counted(desk, records.Answered) == 0
    assert desk.refused("createZone", name="z1", idempotencykey="k1", **ZONE).status == 431


def test_a_password_is_not_kept_with_the_key(desk: Desk) -> None:
    given = {"username": "ann", "firstname": "A", "lastname": "B", "email": "a@example.org", "idempotencykey": "k1"}
    first = desk.ask("createAccount", password="one", **given)
    assert desk.ask("createAccount", password="two", **given) == first


def test_of_two_at_once_the_second_gets_the_firsts_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    command, both = registry()["createZone"], threading.Barrier(2)
    run: Callable[[Call], Fields] = command.run
    begun: list[str] = []

    def slowly(call: Call) -> Fields:
        begun.append(call.command)
        return run(call)

    def send() -> dict[str, object]:
        both.wait(10)
        return desk.ask("createZone", name="z1", idempotencykey="k1", **ZONE)

    monkeypatch.setattr(type(command), "run", lambda self, call: slowly(call))
    with ThreadPoolExecutor(2) as pool:
        first, second = [future.result() for future in [pool.submit(send) for _ in range(2)]]
    assert first == second
    assert begun == ["createZone"]
    assert counted(desk, records.Zone) == 1


def test_what_cannot_be_taken_back_is_done_after_the_commit_and_once(desk: Desk, zone: str) -> None:
    host = desk.host(zone, "h1")
    for _ in range(2):
        assert desk.ask("deleteHost", id=host, forced="true", idempotencykey="k1") == {"success": True}
        assert desk.hosts.cut_off == [host]
    other = desk.host(zone, "h2")
    desk.ask("deleteHost", id=other, forced="true")
    assert desk.hosts.cut_off == [host, other]


def test_a_failure_that_a_command_swallows_keeps_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    command = registry()["createZone"]
    run = command.run

    def twice(self: object, call: Call) -> Fields:
        run(call)
        try:
            run(call)
        except Exception:  # noqa: BLE001 - what a careless command might do
            return {"success": True}
        return {}

    monkeypatch.setattr(type(command), "run", twice)
    assert desk.refused("createZone", name="z1", idempotencykey="k1", **ZONE).status == 431
    assert counted(desk, records.Zone) == counted(desk, records.Answered) == 0


def test_every_command_that_changes_something_tells_of_the_key(desk: Desk) -> None:
    for api in desk.ask("listApis")["api"]:
        taken = {parameter["name"] for parameter in api["params"]}
        command = registry()[api["name"]]
        assert ("idempotencykey" in taken) is not (command.asks or command.answers_secret), api["name"]


SECRETS = {"privatekey", "secretkey", "password", "sessionkey", "token"}


def names_in(answer: tuple[Field, ...]) -> set[str]:
    return {name for field in answer for name in (field.name, *names_in(field.nested))}


def test_a_command_whose_answer_holds_a_secret_says_so() -> None:
    telling = {name for name, command in registry().items() if names_in(command.answer) & SECRETS and not command.asks}
    assert telling == {name for name, command in registry().items() if command.answers_secret}


@pytest.mark.parametrize("key", ["idempotencykey", "customid", "IdempotencyKey"])
@pytest.mark.parametrize("name", sorted(name for name, command in registry().items() if command.answers_secret))
def test_a_secret_is_not_kept_to_be_told_again(desk: Desk, zone: str, name: str, key: str) -> None:
    user = desk.ask("listUsers", username="admin")["user"][0]["id"]
    words = {"id": user, "zoneid": zone, "name": "probe", "username": "admin", "password": "password"}
    given = {p.name: words[p.name] for p in registry()[name].parameters if p.required}
    before = counted(desk, records.Event)
    refused = desk.refused(name, **given, **{key: "k1"})
    assert (refused.status, "the answer holds a secret" in refused.text) == (431, True)
    assert counted(desk, records.Answered) == 0
    assert counted(desk, records.Event) == before

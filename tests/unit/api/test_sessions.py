"""Sessions: in with a password by POST, known by cookie and key, out at logout, idleness, a wrong key, or the end of the user."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from starlette.types import Message

from tests.unit.api.desk import Desk
from vxloom.server import sessions
from vxloom.server.app import create_app
from vxloom.server.dispatch import answer
from vxloom.server.lifecycle import people
from vxloom.server.responses import Reply
from vxloom.server.visit import Guesses, Visit
from vxloom.store import records


@dataclass
class Browser:
    desk: Desk
    cookies: dict[str, str] = field(default_factory=dict)
    key: str = ""
    guesses: Guesses = field(default_factory=Guesses)
    address: str = "192.0.2.200"

    def raw(self, command: str, *, posted: bool = True, form: str = "json", **given: str) -> Reply:
        pairs = {"command": command, "response": form, **given}
        visit = Visit(self.address, dict(self.cookies), posted, self.guesses)
        reply = answer(list(pairs.items()), store=self.desk.store, fleet=self.desk.hosts, visit=visit)
        for cookie in reply.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        return reply

    def login(self, username: str, password: str = "secret", **given: str) -> dict[str, Any]:
        reply = self.raw("login", username=username, password=password, **given)
        content = json.loads(reply.body)["loginresponse"]
        self.key = content.get("sessionkey", "")
        return content

    def ask(self, command: str, **given: str) -> tuple[int, dict[str, Any]]:
        reply = self.raw(command, sessionkey=self.key, **given)
        [content] = json.loads(reply.body).values()
        return reply.status, content


@pytest.fixture
def browser(desk: Desk) -> Browser:
    desk.tenant("blue")
    return Browser(desk)


def test_in_and_out(browser: Browser) -> None:
    content = browser.login("Blue")
    assert {"userid", "username", "firstname", "lastname", "account", "domainid", "type", "registered", "sessionkey"} <= set(content)
    assert (content["username"], content["type"], content["timeout"]) == ("blue", "0", 1800)
    assert set(browser.cookies) == {"JSESSIONID", "sessionkey"}
    assert browser.ask("listUsers")[1]["user"][0]["username"] == "blue"
    assert browser.ask("createZone")[0] == 401
    kept = dict(browser.cookies)
    assert json.loads(browser.raw("logout").body) == {"logoutresponse": {"description": "success"}}
    assert browser.cookies == {}
    [event] = browser.desk.ask("listEvents", listall="true", type="USER.LOGOUT")["event"]
    assert (event["account"], event["description"]) == ("blue", "User has logged out")
    browser.cookies = kept
    assert browser.ask("listUsers")[0] == 401
    browser.raw("logout")
    assert browser.desk.ask("listEvents", listall="true", type="USER.LOGOUT")["count"] == 1, "nobody was in who could have left"


def test_the_cookies_are_for_nobody_else(browser: Browser) -> None:
    reply = browser.raw("login", username="blue", password="secret")
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/client" in cookie for cookie in reply.cookies)
    with browser.desk.store.read() as rx:
        [session] = rx.all(records.Session)
    for value in browser.cookies.values():
        assert value not in {session.id, session.key_hash}


def test_a_wrong_key_ends_the_session(browser: Browser) -> None:
    browser.login("blue")
    assert json.loads(browser.raw("listUsers").body)["listusersresponse"]["errorcode"] == 401  # the cookie alone lets nobody in
    assert browser.ask("listUsers")[0] == 401
    browser.login("blue")
    right, browser.key = browser.key, "wrong"
    assert browser.ask("listUsers")[0] == 401
    browser.key = right
    assert browser.ask("listUsers")[0] == 401


def test_an_idle_session_ends(browser: Browser) -> None:
    browser.login("blue")
    with browser.desk.store.write("test") as tx:
        [session] = tx.all(records.Session)
        tx.update(records.Session, session.id, used=time.time() - 29 * 60)
    assert browser.ask("listUsers")[0] == 200
    with browser.desk.store.write("test") as tx:
        assert tx.all(records.Session)[0].used > time.time() - 60  # the use counts
        tx.update(records.Session, session.id, used=time.time() - 31 * 60)
    assert browser.ask("listUsers")[0] == 401
    browser.desk.ask("updateConfiguration", name="session.timeout", value="60")
    assert browser.login("blue")["timeout"] == 3600


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("disableUser", {}),
        ("lockUser", {}),
        ("deleteUser", {}),
        ("updateUser", {"password": "other"}),
        ("disableAccount", {"lock": "true"}),
        ("deleteAccount", {}),
    ],
)
def test_the_end_of_the_user_is_the_end_of_its_sessions(browser: Browser, command: str, given: dict[str, str]) -> None:
    content = browser.login("blue")
    user = browser.desk.ask("listUsers", username="blue", listall="true")["user"][0]
    browser.desk.do(command, id=user["accountid"] if "Account" in command else user["id"], **given)
    assert content["sessionkey"]
    assert browser.ask("listUsers")[0] == 401


def test_who_is_not_let_in(browser: Browser) -> None:
    desk = browser.desk
    domain = desk.ask("createDomain", name="a")["domain"]["id"]
    desk.tenant("deep", domainid=domain)
    texts = set()
    for username, given in (
        ("blue", {"password": "wrong"}),
        ("nobody", {}),
        ("admin", {}),  # has no password yet
        ("deep", {}),  # another domain
        ("blue", {"domain": "/a"}),
        ("blue", {"domainid": "nonsense"}),
    ):
        content = browser.login(username, **given)
        assert content["errorcode"] == 531, (username, given)
        texts.add(content["errortext"].replace(username, "NAME"))
    assert len(texts) == 1
    assert browser.cookies == {}
    for place in ({"domain": "/a/"}, {"domain": "ROOT/a"}, {"domain": "A"}, {"domainid": domain}):
        assert browser.login("deep", **place)["username"] == "deep", place
    admin = desk.ask("listUsers", username="admin")["user"][0]["id"]
    desk.ask("updateUser", id=admin, password="hard to guess")
    assert browser.login("admin", "hard to guess", domain="/")["type"] == "1"


def test_login_is_posted(browser: Browser) -> None:
    reply = browser.raw("login", posted=False, username="blue", password="secret")
    assert (reply.status, reply.cookies) == (405, ())
    assert browser.raw("login", username="blue").status == 431


def test_xml_too(browser: Browser) -> None:
    root = ET.fromstring(browser.raw("login", form="xml", username="blue", password="secret").body)
    assert (root.tag, root.findtext("username")) == ("loginresponse", "blue")


def test_guesses_are_limited(browser: Browser) -> None:
    now = 0.0
    browser.guesses = Guesses(clock=lambda: now)
    assert [browser.login("blue", "wrong")["errorcode"] for _ in range(6)] == [531] * 5 + [429]
    assert browser.login("blue")["errorcode"] == 429  # the right one, too
    browser.address = "192.0.2.201"
    assert browser.login("blue")["username"] == "blue"  # nobody is locked out from elsewhere
    browser.address, now = "192.0.2.200", 61.0
    assert browser.login("blue")["username"] == "blue"


def test_an_unknown_user_takes_as_long(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []

    def matches(password: str, stored: str | None) -> bool:
        looked.append(stored is not None)
        return real(password, stored)

    real = people.matches
    monkeypatch.setattr(people, "matches", matches)
    browser.login("nobody")
    browser.login("blue", "wrong")
    assert looked == [False, True]
    assert not people.matches("", None)


def kept(browser: Browser) -> int:
    with browser.desk.store.read() as rx:
        return rx.count(records.Session)


def test_the_runner_sweeps_what_is_over(browser: Browser) -> None:
    browser.login("blue")
    browser.desk.time = time.time() + 1790
    browser.desk.runner().sweep()
    assert kept(browser) == 1
    browser.desk.time = time.time() + 1810
    browser.desk.runner().sweep()
    assert kept(browser) == 0


def test_one_user_has_so_many_sessions(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_MOST", 2)
    for _ in range(3):
        browser.login("blue")
    assert kept(browser) == 2
    assert browser.ask("listUsers")[0] == 200  # the youngest stays


def test_a_flood_of_logins_leaves_threads_for_everybody_else(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(browser.desk.store, browser.desk.hosts)
    free = threading.Event()

    def matches(password: str, stored: str | None) -> bool:
        return free.wait(20) and False

    monkeypatch.setattr(people, "matches", matches)

    async def send(query: str) -> int:
        scope = {"type": "http", "method": "POST", "path": "/client/api", "query_string": query.encode(), "headers": []}
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def take(message: Message) -> None:
            said.append(message)

        await app(scope, receive, take)
        return int(said[0]["status"])

    async def flood() -> tuple[int, set[int]]:
        logins = [asyncio.create_task(send(f"command=login&username=u{number}&password=x")) for number in range(45)]
        try:
            status = await asyncio.wait_for(send("command=listZones"), 3)
        finally:
            free.set()
        return status, set(await asyncio.gather(*logins))

    assert asyncio.run(flood()) == (401, {531})

"""Signing in over real HTTP: cookies, session key, restart of the server, the password from the command line."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.api.world import SCRIPTS, Server, running

PASSWORD = "one two & three"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server")) as server:
        assert set_password(server.data, PASSWORD).returncode == 0
        yield server


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as browser:
        yield browser


def set_password(data: Path, password: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPTS / "vxloom"), "server", "--data", str(data), "password", *(more or ("admin",))]
    return subprocess.run(command, input=f"{password}\n", capture_output=True, text=True, timeout=30, check=False)


def endpoint(server: Server) -> str:
    return server.exports["CLOUDSTACK_ENDPOINT"]


def login(server: Server, browser: requests.Session, password: str = PASSWORD) -> requests.Response:
    form = {"command": "login", "username": "admin", "password": password, "domain": "/", "response": "json"}
    return browser.post(endpoint(server), data=form, timeout=30)


def ask(server: Server, browser: requests.Session, key: str, command: str = "listUsers", **more: Any) -> requests.Response:
    parameters = {"command": command, "response": "json", "sessionkey": key, **more}
    return browser.get(endpoint(server), params=parameters, timeout=30)


def test_in_and_out(server: Server, browser: requests.Session) -> None:
    answer = login(server, browser)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    key = answer.json()["loginresponse"]["sessionkey"]
    cookies = answer.raw.headers.getlist("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["JSESSIONID", "sessionkey"]
    for cookie in cookies:
        assert {part.strip().lower() for part in cookie.split(";")[1:]} == {"httponly", "path=/client", "samesite=lax"}
    assert browser.cookies["sessionkey"] == key
    assert ask(server, browser, key).json()["listusersresponse"]["user"][0]["username"] == "admin"
    form = {"command": "createZone", "name": "z", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"}
    posted = browser.post(endpoint(server), data=form | {"sessionkey": key, "response": "json"}, timeout=30)
    assert posted.json()["createzoneresponse"]["zone"]["name"] == "z"
    gone = browser.post(endpoint(server), data={"command": "logout", "sessionkey": key, "response": "json"}, timeout=30)
    assert gone.json() == {"logoutresponse": {"description": "success"}}
    assert not browser.cookies
    assert ask(server, browser, key).status_code == 401


def test_a_wrong_key_and_a_wrong_password(server: Server, browser: requests.Session) -> None:
    refused = login(server, browser, "x")
    assert (refused.status_code, refused.json()["loginresponse"]["errorcode"]) == (531, 531)
    assert not browser.cookies
    key = login(server, browser).json()["loginresponse"]["sessionkey"]
    assert ask(server, browser, "x").status_code == 401
    assert ask(server, browser, key).status_code == 401


def test_a_password_in_a_query_is_refused(server: Server, browser: requests.Session) -> None:
    answer = browser.get(endpoint(server), params={"command": "login", "username": "admin", "password": PASSWORD}, timeout=30)
    assert (answer.status_code, "set-cookie" in answer.headers) == (405, False)


def test_no_word_of_a_client_makes_it_another_address(server: Server, browser: requests.Session) -> None:
    for number in range(12):
        form = {"command": "login", "username": "guessed", "password": str(number)}
        answer = browser.post(endpoint(server), data=form, headers={"X-Forwarded-For": f"192.0.2.{number}"}, timeout=30)
    assert answer.status_code == 429


def test_a_session_lives_through_a_restart_and_ends_with_another_password(tmp_path: Path, browser: requests.Session) -> None:
    with running(tmp_path) as server:
        assert set_password(server.data, PASSWORD).returncode == 0
        key = login(server, browser).json()["loginresponse"]["sessionkey"]
        server.stop()
        server.start()
        assert ask(server, browser, key).status_code == 200
        assert set_password(server.data, "another").returncode == 0  # while the server runs
        assert ask(server, browser, key).status_code == 401
        assert login(server, browser).status_code == 531
        assert login(server, browser, "another").status_code == 200


def test_passwords_that_are_none(server: Server, tmp_path: Path) -> None:
    for password, who, words in (("", "admin", "no password"), ("x" * 256, "admin", "no password"), ("x", "nobody", "no user nobody")):
        done = set_password(server.data, password, who)
        assert (done.returncode, words in done.stderr, len(done.stderr.splitlines())) == (2, True, 1), done.stderr
    done = set_password(server.data, "x", "admin", "--domain", "/nowhere")
    assert (done.returncode, "/nowhere" in done.stderr) == (2, True)
    done = set_password(tmp_path / "none", "x")
    assert (done.returncode != 0, "start the server once" in done.stderr) == (True, True)
    assert not (tmp_path / "none").exists()

"""Secrets go, whatever they stand in; what is around them stays."""

from __future__ import annotations

import json
import time

import pytest

from tests import planted
from tests.planted import ONE_LINE, PEM, SECRET, WORD
from vxloom.support.redaction import REMOVED, Redaction, is_secret, values, without_secrets

ANY = Redaction()


@pytest.mark.parametrize("form", ONE_LINE)
def test_a_secret_goes_and_what_is_around_it_stays(form: str) -> None:
    text, removed = ANY.text(ONE_LINE[form])
    assert WORD not in text
    assert text.count("keep") == ONE_LINE[form].count("keep")
    assert removed


def test_json_stays_json() -> None:
    text, _ = ANY.text(json.dumps({"password": f'{WORD} \\ " {WORD}', "n": 1, "list": [{"apikey": WORD}]}))
    assert json.loads(text) == {"password": REMOVED, "n": 1, "list": [{"apikey": REMOVED}]}


@pytest.mark.parametrize(
    "text", [PEM, PEM[:-20], PEM[40:], PEM.replace("\n", "\\n"), PEM.replace("\n", "\nNov 29 h1 x[1]: ")], ids=range(5)
)
def test_a_private_key_goes_whole_cut_and_within_a_log(text: str) -> None:
    found, removed = ANY.text(f"before\n{'x' * 20_000}\n{text}")
    assert "planted" not in found
    assert found.startswith("before")
    assert removed


def test_what_comes_after_a_key_stays() -> None:
    assert ANY.text(f"{PEM}\nafter")[0] == f"{REMOVED}\nafter"
    certificate = PEM.replace("RSA PRIVATE KEY", "CERTIFICATE")
    assert ANY.text(certificate)[0] == certificate


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        "Plant3d%2BSecret%2FValue%3D%3D",
        "plant3d%2bsecret%2fvalue%3d%3d",
        "Plant3d+Secret\\/Value==",
        "UGxhbnQzZCtTZWNyZXQvVmFsdWU9PQ==",
    ],
)
def test_what_is_known_goes_in_every_coding(form: str) -> None:
    text, removed = Redaction([SECRET, "no"]).text(f"a {form} b, no more")
    assert form not in text
    assert text.startswith(f"a {REMOVED}")
    assert text.endswith(" b, no more")
    assert removed == 1


def test_a_second_time_changes_nothing() -> None:
    once, _ = ANY.text(planted.LOG)
    assert ANY.text(once) == (once, 0)


@pytest.mark.parametrize("text", [
    'token_file = "/etc/vxloom/join.token"',
    "02:00:00:00:00:01 dev vxlan5001 dst 192.0.2.2 self permanent",
    "key 5001 type map; monkey business, keyed hashes",
    "net.ipv4.ip_forward = 1",
    "-----BEGIN PUBLIC KEY-----",
    "https://host:8080/client/api keep@home",
])  # fmt: skip
def test_what_is_no_secret_stays(text: str) -> None:
    assert ANY.text(text) == (text, 0)


def test_answers_of_the_api_lose_what_a_name_calls_secret() -> None:
    rows = {
        "configuration": [{"name": "db.cloud.password", "value": WORD}, {"name": "page.size", "value": "500"}],
        "secretkey": WORD,
        "token": "",
    }
    assert without_secrets(rows) == {
        "configuration": [{"name": "db.cloud.password", "value": REMOVED}, {"name": "page.size", "value": "500"}],
        "secretkey": REMOVED,
        "token": "",
    }


def test_names_and_files_of_secrets_are_known() -> None:
    assert all(map(is_secret, ("secretkey", "apiKey", "sessionkey", "password", "vxloom.join.token", "private_key", "userdata")))
    assert not any(map(is_secret, ("keypair", "tokenfile", "name", "key", "passed")))
    text = f"export CLOUDSTACK_ENDPOINT=http://x\nexport CLOUDSTACK_KEY='{WORD}'\ndatabase = \"postgresql://u:p%40ss@h/d\"\nlabel = x\n"
    assert values(text) == {WORD, "p%40ss", "p@ss"}


@pytest.mark.parametrize(
    "junk",
    [
        "A",
        "a_",
        '"',
        "x://",
        "$1",
        "token-",
        "-eyJ",
        "\\",
        "key ",
        "PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
    ],
)
def test_junk_takes_no_time_to_speak_of(junk: str) -> None:
    start = time.process_time()
    ANY.text(f'password="{junk * (1_000_000 // len(junk))}')
    assert time.process_time() - start < 10


def test_a_quote_within_a_secret_does_not_end_it() -> None:
    once = json.dumps({"password": f'{WORD} " {WORD}'})
    assert WORD not in ANY.text(once)[0]
    assert json.loads(json.loads(ANY.text(json.dumps(once))[0])) == {"password": REMOVED}

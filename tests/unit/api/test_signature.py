"""Each known client's way to sign is accepted; nothing else is."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.errors import RequestError
from vxloom.server.signature import REFUSED, canonical_texts, check_expiry, verify

SECRET = "s3cret"
AWKWARD = [
    ("command", "createNetwork"),
    ("apiKey", "K_e-y"),
    ("response", "json"),
    ("displayText", "a b+c%d&e=f/g*h~i[j]é汉"),
    ("iptonetworklist[0].ip", "10.1.1.5"),
    ("Name", "x"),
    # "6" sorts before "=": by name ip comes first, as finished strings ip6cidr does; in upper case the other way round again
    ("ip", "10.1.1.5"),
    ("ip6cidr", "fd00:1::/64"),
    ("Z", "x"),
]
Pairs = list[tuple[str, str]]


def sha(text: str) -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), text.lower().encode(), hashlib.sha1).digest()).decode()


def java(value: str) -> str:
    return quote(value, safe="*").replace("~", "%7E")


def real_server(pairs: Pairs) -> str:
    return sha("&".join(f"{name}={java(value)}" for name, value in sorted(pairs)))


def cs_library(pairs: Pairs) -> str:
    return sha("&".join(f"{name}={quote(value, safe='*')}" for name, value in sorted(pairs)))


def libcloud(pairs: Pairs) -> str:
    lowered = sorted((name.lower(), value) for name, value in pairs)
    return sha("&".join(f"{quote(name, safe='[].')}={quote(value, safe='*[]')}" for name, value in lowered))


def go_library(pairs: Pairs) -> str:
    return sha("&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(pairs)))


def csclient(pairs: Pairs) -> str:
    return sha("&".join(sorted(f"{name}={quote(value, safe='')}" for name, value in pairs)))


def csclient_lowered(pairs: Pairs) -> str:
    return sha("&".join(sorted(f"{name}={quote(value, safe='')}".lower() for name, value in pairs)))


def marvin(pairs: Pairs) -> str:
    lowered = sorted((name.lower(), value) for name, value in pairs)
    return sha("&".join(f"{name}={quote(value, safe='*')}" for name, value in lowered))


CLIENTS = [real_server, cs_library, libcloud, go_library, csclient, csclient_lowered, marvin]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_every_known_client_is_understood(client) -> None:
    assert verify([*AWKWARD, ("signature", "ignored")], client(AWKWARD), SECRET)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize("index", range(len(AWKWARD)))
def test_one_changed_value_is_refused(client, index: int) -> None:
    changed = [(name, value + "x" if at == index else value) for at, (name, value) in enumerate(AWKWARD)]
    assert not verify(changed, client(AWKWARD), SECRET)


def test_one_parameter_more_or_less_is_refused() -> None:
    signature = real_server(AWKWARD)
    assert not verify([*AWKWARD, ("listall", "true")], signature, SECRET)
    assert not verify(AWKWARD[1:], signature, SECRET)


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "é", "=" * 28, real_server(AWKWARD)[:-2]])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    assert not verify(AWKWARD, signature, SECRET)


def test_another_secret_is_refused() -> None:
    assert not verify(AWKWARD, real_server(AWKWARD), SECRET + "x")


def test_a_plus_that_became_a_blank_is_mended() -> None:
    # requests escapes it, but a shell one-liner with curl often does not
    pairs = next(p for n in range(1000) if "+" in real_server(p := [*AWKWARD, ("n", str(n))]))
    assert verify(pairs, real_server(pairs).replace("+", " "), SECRET)


@given(st.dictionaries(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), st.text(max_size=20), max_size=8))
def test_whatever_is_signed_is_accepted(parameters: dict[str, str]) -> None:
    pairs = [(name, value) for name, value in parameters.items() if name.lower() != "signature"]
    try:
        signature = cs_library(pairs)
    except UnicodeEncodeError:  # a lone surrogate cannot be sent at all
        return
    assert verify(pairs, signature, SECRET)


NOW = datetime(2026, 11, 23, 7, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "expires",
    [
        "2026-11-23T07:00:01+0000",
        "2026-11-23T07:00:01Z",
        "2026-11-23T12:30:01+0530",
        "2026-11-23T12:30:01+05:30",
        "2026-11-22T23:00:01-0800",
    ],
)
def test_a_request_that_is_still_valid(expires: str) -> None:
    check_expiry("3", expires, NOW)


@pytest.mark.parametrize(
    "expires",
    [
        "",
        "soon",
        "2026-11-23T07:00:00+0000",
        "2026-11-23T06:59:59Z",
        "2026-11-23T12:29:59+0530",
        "2026-13-01T00:00:00Z",
        "2026-11-23T08:00:00",
    ],
)
def test_a_request_past_its_time_or_without_one(expires: str) -> None:
    with pytest.raises(RequestError) as refused:
        check_expiry("3", expires, NOW)
    assert refused.value.code == 401
    assert refused.value.message == REFUSED


@pytest.mark.parametrize("version", ["", "2", "1"])
def test_other_versions_carry_no_expiry(version: str) -> None:
    check_expiry(version, "", NOW)


def test_what_the_cs_library_sends_is_understood() -> None:
    moment = (NOW + timedelta(seconds=600)).astimezone(timezone(timedelta(hours=1)))
    check_expiry("3", moment.strftime("%Y-%m-%dT%H:%M:%S%z"), NOW)


@pytest.mark.parametrize(
    "forged",
    [
        [("apikey", "K"), ("command=x&expires", "2026"), ("signatureversion", "3")],
        [("apikey", "K"), ("command", "x"), ("expires=2026&signatureversion", "3")],
        [("apikey=K&command=x&expires=2026&signatureversion", "3")],
    ],
)
def test_a_name_cannot_swallow_other_parameters(forged: list[tuple[str, str]]) -> None:
    honest = [("apikey", "K"), ("command", "x"), ("expires", "2026"), ("signatureversion", "3")]
    text = next(canonical_texts(honest))
    signature = base64.b64encode(hmac.digest(b"secret", text, "sha1")).decode()
    assert verify(honest, signature, "secret")
    assert text in set(canonical_texts(forged))  # the same text, so the signature alone would do
    assert not verify(forged, signature, "secret")

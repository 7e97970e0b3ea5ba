"""The CA's files, and what happens to torn ones."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from vxloom.agent.identity import Identity, parse_token
from vxloom.errors import IdentityError, StateError
from vxloom.server.authority import RENEWAL_GRACE, Authority, claimant

HOST = "6f1c2a5e-0d6e-4b57-9b93-2d1f6f0f9a11"


def der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)


def test_keys_are_readable_by_their_owner_only_and_the_ca_stays_the_same(tmp_path: Path):
    first = Authority(tmp_path / "ca")
    assert first.fingerprint == Authority(tmp_path / "ca").fingerprint
    for file in (tmp_path / "ca").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_start_that_died_before_the_certificate_begins_again(tmp_path: Path):
    Authority(tmp_path / "ca")
    (tmp_path / "ca" / "ca.crt").unlink()
    assert Authority(tmp_path / "ca").certificate.startswith("-----BEGIN")


@pytest.mark.parametrize("torn", ["ca.key", "ca.crt", "server.crt"])
def test_a_torn_file_is_said_and_nothing_is_made_anew(tmp_path: Path, torn: str):
    fingerprint = Authority(tmp_path / "ca").fingerprint
    whole = (tmp_path / "ca" / torn).read_bytes()
    (tmp_path / "ca" / torn).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StateError, match=torn):
        Authority(tmp_path / "ca")
    (tmp_path / "ca" / torn).write_bytes(whole)
    assert Authority(tmp_path / "ca").fingerprint == fingerprint


def test_a_lost_ca_key_is_not_replaced(tmp_path: Path):
    Authority(tmp_path / "ca")
    (tmp_path / "ca" / "ca.key").unlink()
    with pytest.raises(StateError, match="shut out every host"):
        Authority(tmp_path / "ca")


def test_a_key_of_another_ca_is_noticed(tmp_path: Path):
    Authority(tmp_path / "a")
    Authority(tmp_path / "b")
    (tmp_path / "a" / "ca.key").write_bytes((tmp_path / "b" / "ca.key").read_bytes())
    with pytest.raises(StateError, match="do not belong together"):
        Authority(tmp_path / "a")


def test_a_host_certificate_says_what_the_host_row_says_whatever_was_asked_for(tmp_path: Path):
    authority = Authority(tmp_path / "ca", lifetime=timedelta(hours=24))
    identity = Identity.load(tmp_path / "host")
    csr = identity.csr("root of all evil")
    issued = authority.issue(csr, HOST)
    who = claimant(der(issued.certificate))
    assert (who.host, who.serial, who.key) == (HOST, issued.serial, authority.key_of(csr))
    now = datetime.now(UTC)
    assert not who.expired(now)
    assert who.expired(now + timedelta(hours=25))
    assert not who.past_grace(now + timedelta(hours=25))
    assert who.past_grace(now + timedelta(hours=25) + RENEWAL_GRACE)
    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_certificate_that_names_no_host_is_nobodys(tmp_path: Path):
    Authority(tmp_path / "ca")
    with pytest.raises(IdentityError, match="names no host"):
        claimant(der((tmp_path / "ca" / "server.crt").read_text()))


def test_a_token_names_its_ca_and_keeps_its_secret_from_the_store(tmp_path: Path):
    authority = Authority(tmp_path / "ca")
    token = authority.token()
    assert token.text.startswith("vxl1.")
    assert parse_token(token.text).fingerprint == authority.fingerprint
    assert authority.secret_hash(token.text) == token.secret_hash
    assert token.secret_hash not in token.text
    with pytest.raises(IdentityError, match="another cloud"):
        Authority(tmp_path / "other").secret_hash(token.text)

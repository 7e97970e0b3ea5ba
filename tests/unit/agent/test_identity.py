"""The host's key and certificate on disk."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from vxloom.agent.identity import Identity, check_authority, parse_token
from vxloom.errors import IdentityError, StateError
from vxloom.server.authority import Authority

HOST = "6f1c2a5e-0d6e-4b57-9b93-2d1f6f0f9a11"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca", lifetime=timedelta(hours=3))


def join(folder: Path, authority: Authority) -> Identity:
    identity = Identity.load(folder)
    token = parse_token(authority.token().text)
    identity.joined_as(authority.issue(identity.csr("h1"), HOST).certificate, authority.certificate, token)
    assert identity.joined_with(token)
    return identity


def test_the_key_outlives_a_crash_before_the_answer(tmp_path: Path, authority: Authority):
    first = Identity.load(tmp_path / "host")
    assert not first.joined
    assert authority.key_of(first.csr("a")) == authority.key_of(Identity.load(tmp_path / "host").csr("b"))


def test_what_was_joined_is_found_again_and_readable_by_its_owner_only(tmp_path: Path, authority: Authority):
    join(tmp_path / "host", authority)
    again = Identity.load(tmp_path / "host")
    assert again.joined
    assert again.host == HOST
    assert not again.joined_with(parse_token(authority.token().text))
    for file in (tmp_path / "host" / "identity").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_renewal_is_due_after_a_third_of_life(tmp_path: Path, authority: Authority):
    identity = join(tmp_path / "host", authority)
    ends = identity.renewal() + identity.lifetime() * 2 / 3
    assert timedelta(hours=2.9) < identity.lifetime() < timedelta(hours=3.1)
    assert not identity.expired()
    assert identity.renewal() < ends


@pytest.mark.parametrize("torn", ["host.key", "host.crt", "ca.crt"])
def test_a_torn_file_is_said_with_what_to_do(tmp_path: Path, authority: Authority, torn: str):
    join(tmp_path / "host", authority)
    path = tmp_path / "host" / "identity" / torn
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(StateError, match="join again with a new token"):
        Identity.load(tmp_path / "host")


def test_certificates_of_another_ca_or_key_are_not_kept(tmp_path: Path, authority: Authority):
    identity = join(tmp_path / "host", authority)
    held = (tmp_path / "host" / "identity" / "host.crt").read_text()
    stranger = Authority(tmp_path / "stranger")
    with pytest.raises(IdentityError, match="of another CA"):
        identity.renewed(stranger.issue(identity.csr("h1"), HOST).certificate)
    with pytest.raises(IdentityError, match="another key"):
        identity.renewed(authority.issue(Identity.load(tmp_path / "other").csr("h1"), HOST).certificate)
    with pytest.raises(IdentityError, match="not the one"):
        check_authority(stranger.certificate, parse_token(authority.token().text))
    assert (tmp_path / "host" / "identity" / "host.crt").read_text() == held


@pytest.mark.parametrize("text", ["", "vxl1.", "vxl1.AAAA", "vxl2.abc", "vxl1.ÿ"])
def test_what_is_no_token_is_refused(text: str):
    with pytest.raises(IdentityError, match="token"):
        parse_token(text)


def test_who_has_not_joined_has_no_context(tmp_path: Path):
    with pytest.raises(IdentityError, match="not joined"):
        Identity.load(tmp_path / "host").context()

"""Who this host is: its key, its certificate and the one CA it trusts, in ``state_dir/identity``.

A crash at any line is harmless: the key is on disk before the token is redeemed, a token redeemed by a key can be
redeemed again by it, and every file is replaced whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vxloom.errors import IdentityError, StateError

SERVER_NAME = "vxloom-server"
"""The name every server certificate bears, whatever the server's address is."""
_PREFIX = "vxl1."
_HOW_TO_JOIN = "make a token with createHostJoinToken and put it into the token file"


class Token(msgspec.Struct, frozen=True):
    """What a join token says: the SHA-256 of the CA's certificate (DER), and a secret the server knows the hash of."""

    fingerprint: bytes
    secret: bytes


def parse_token(text: str) -> Token:
    """Return a token's content; raises :class:`IdentityError` when it is not one."""
    packed = text.strip().removeprefix(_PREFIX)
    if packed == text.strip():
        raise IdentityError("that is not a join token", remedy=_HOW_TO_JOIN)
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=Token)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise IdentityError("the join token is damaged", remedy=_HOW_TO_JOIN) from error


class Identity:
    """This host's key and certificate. Make one with :meth:`load`."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey) -> None:
        self._folder = folder
        self._key = key
        self._certificate: x509.Certificate | None = None

    @classmethod
    def load(cls, state_dir: Path) -> Identity:
        """Return the identity in ``state_dir``; the first time, make its key. Raises :class:`StateError` on torn files."""
        folder = state_dir / "identity"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "host.key"
        if path.exists():
            identity = cls(folder, _read_key(path))
        else:
            identity = cls(folder, ec.generate_private_key(ec.SECP256R1()))
            _write(path, _private_pem(identity._key))
        if (folder / "host.crt").exists() and (folder / "ca.crt").exists():
            identity._certificate = identity._checked((folder / "host.crt").read_text(), (folder / "ca.crt").read_text())
        return identity

    @property
    def joined(self) -> bool:
        """Whether there is a certificate."""
        return self._certificate is not None

    @property
    def host(self) -> str:
        """The host id (UUID) the server gave, empty before joining."""
        return "" if self._certificate is None else _common_name(self._certificate)

    def csr(self, name: str) -> str:
        """Return a certificate request (PEM) signed by our key. The server decides what the certificate says."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (name or "vxloom")[:64])])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self._key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def joined_as(self, certificate: str, authority: str, token: Token) -> None:
        """Keep what a Joined message brought; raises :class:`IdentityError` when it is not what the token promised."""
        check_authority(authority, token)
        parsed = self._checked(certificate, authority, error=IdentityError)
        # The certificate last: without it the host has not joined, and joining again with the same key is allowed.
        _write(self._folder / "ca.crt", authority.encode())
        _write(self._folder / "token.sha256", hashlib.sha256(token.secret).hexdigest().encode())
        _write(self._folder / "host.crt", certificate.encode())
        self._certificate = parsed

    def joined_with(self, token: Token) -> bool:
        """Tell whether the certificate held came by this very token."""
        try:
            return (self._folder / "token.sha256").read_text() == hashlib.sha256(token.secret).hexdigest()
        except OSError:
            return False

    def renewed(self, certificate: str) -> None:
        """Keep a renewed certificate; raises :class:`IdentityError` when it is not for our key, of our CA."""
        parsed = self._checked(certificate, (self._folder / "ca.crt").read_text(), error=IdentityError)
        _write(self._folder / "host.crt", certificate.encode())
        self._certificate = parsed

    def renewal(self) -> datetime:
        """Return when to ask for the next certificate: after a third of this one's life."""
        held = self._held()
        return held.not_valid_before_utc + (held.not_valid_after_utc - held.not_valid_before_utc) / 3

    def lifetime(self) -> timedelta:
        """Return how long the certificate held is valid in all."""
        held = self._held()
        return held.not_valid_after_utc - held.not_valid_before_utc

    def expired(self) -> bool:
        """Tell whether the certificate's time is over (it may then only be renewed)."""
        return datetime.now(UTC) >= self._held().not_valid_after_utc

    def context(self) -> ssl.SSLContext:
        """Return the TLS side of a stream: our certificate, one trusted CA, the server's fixed name checked."""
        self._held()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(self._folder / "ca.crt")
            context.load_cert_chain(self._folder / "host.crt", self._folder / "host.key")
        except (OSError, ssl.SSLError) as error:
            raise StateError(f"the identity in {self._folder} cannot be used: {error}", remedy=_rejoin(self._folder)) from error
        return context

    def _held(self) -> x509.Certificate:
        if self._certificate is None:
            raise IdentityError("this host has not joined yet", remedy=_HOW_TO_JOIN)
        return self._certificate

    def _checked(self, certificate: str, authority: str, *, error: type[StateError | IdentityError] = StateError) -> x509.Certificate:
        remedy = _rejoin(self._folder)
        try:
            parsed = x509.load_pem_x509_certificate(certificate.encode())
            parsed.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
        except (ValueError, TypeError, InvalidSignature) as cause:
            raise error("the host certificate is damaged or of another CA", remedy=remedy) from cause
        if parsed.public_key() != self._key.public_key():
            raise error("the host certificate is for another key", remedy=remedy)
        return parsed


def probing_context() -> ssl.SSLContext:
    """Return the context for the one exchange before the CA is known: it fetches the CA's certificate, and gives away nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def joining_context(authority: str, token: Token) -> ssl.SSLContext:
    """Return the context the token is sent over: full checks under the CA the token names. Raises :class:`IdentityError`."""
    check_authority(authority, token)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority)
    return context


def check_authority(authority: str, token: Token) -> None:
    """Raise :class:`IdentityError` unless this CA certificate (PEM) is the one the token names by fingerprint."""
    try:
        fingerprint = x509.load_pem_x509_certificate(authority.encode()).fingerprint(hashes.SHA256())
    except ValueError as error:
        raise IdentityError("the server sent no CA certificate", remedy="check `server` in agent.toml") from error
    if fingerprint != token.fingerprint:
        raise IdentityError(
            "the server's CA is not the one the join token names",
            remedy="check `server` in agent.toml; make the token on the server the host is to join",
        )


def _rejoin(folder: Path) -> str:
    return f"move {folder} away and join again with a new token"


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"the host key {path} cannot be read: {error}", remedy=_rejoin(path.parent)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StateError(f"the host key {path} is not an EC key", remedy=_rejoin(path.parent))
    return key


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    """Replace a file whole or not at all; mode 0600 from its first byte (mkstemp's)."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise StateError(f"cannot write {path}: {error.strerror}", remedy="check the disk and its permissions") from error

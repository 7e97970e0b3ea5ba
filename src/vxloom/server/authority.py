"""The certificate authority of one cloud, and the tokens hosts join with.

Role: says who a host is. Keys are EC P-256; the CA's key never leaves ``DATA/ca`` (mode 0600). May import:
`cryptography`, `vxloom.errors`. Never: the store (it keeps what :class:`Issued` and :class:`JoinToken` carry), the network.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import ssl
import tempfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vxloom.errors import IdentityError, StateError

SERVER_NAME = "vxloom-server"
"""The name in every server certificate. Agents check the CA and this name, so the server's address may change."""
PREFIX = "vxl1."
"""What a join token begins with: its format and version."""
HOST_LIFETIME = timedelta(hours=24)
RENEWAL_GRACE = timedelta(days=90)
"""How long after its end a certificate may still ask for a new one: a host that was off over the holidays comes back by itself."""

_CA_LIFETIME = timedelta(days=365 * 30)
_SERVER_LIFETIME = timedelta(days=365 * 10)
_SKEW = timedelta(minutes=10)  # certificates begin a little in the past: clocks differ
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, openssl/x509_vfy.h; Python 3.11 has no name for it


@dataclass(frozen=True, slots=True)
class JoinToken:
    """A one-time token. The store keeps ``secret_hash``, never ``text``."""

    text: str
    secret_hash: str
    """SHA-256 of the secret, hexadecimal."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A host certificate as issued: PEM text, and what the host row records."""

    certificate: str
    serial: str
    """Hexadecimal."""
    key: str
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), hexadecimal."""
    expires: datetime


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who a client certificate, signed by our CA, says the other side is. Not yet compared with the host row."""

    host: str
    serial: str
    key: str
    expires: datetime

    def expired(self, now: datetime) -> bool:
        """Tell whether the certificate's time is over."""
        return now >= self.expires

    def past_grace(self, now: datetime) -> bool:
        """Tell whether it may not even be renewed any more."""
        return now >= self.expires + RENEWAL_GRACE


SIMULATED = "simulated"
"""Stands for the serial number of a certificate where a simulated host needs none: real ones are hexadecimal."""


def simulated(host: str) -> Claimant:
    """Return the claimant of a simulated host: it lives in this process, so nobody has to prove anything, for ever."""
    return Claimant(host, SIMULATED, "", datetime.max.replace(tzinfo=UTC))


class _TokenBody(msgspec.Struct, frozen=True):
    fingerprint: bytes
    secret: bytes


class Authority:
    """The CA in ``DATA/ca``; made at first start. Raises :class:`StateError` when its files are torn, do not fit, or are gone.

    ``fresh``: no host has joined yet, so that a CA may be made. Made later it would shut out every host there is.
    """

    def __init__(self, folder: Path, *, lifetime: timedelta = HOST_LIFETIME, fresh: bool = True) -> None:
        self._folder = folder
        self._lifetime = lifetime
        self._key, self._certificate = _load_or_make(folder, fresh=fresh)
        self._ensure_server_certificate()

    @property
    def certificate(self) -> str:
        """The CA's certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the CA's certificate (DER)."""
        return self._certificate.fingerprint(hashes.SHA256())

    def token(self) -> JoinToken:
        """Return a fresh token: it names this CA by fingerprint, so that a joining host trusts nobody else."""
        secret = secrets.token_bytes(20)
        body = msgspec.msgpack.encode(_TokenBody(self.fingerprint, secret))
        return JoinToken(PREFIX + base64.urlsafe_b64encode(body).decode().rstrip("="), _hash(secret))

    def secret_hash(self, text: str) -> str:
        """Return the hash the store knows a token by; raises :class:`IdentityError` when it is no token of this CA."""
        body = _token_body(text)
        if body.fingerprint != self.fingerprint:
            raise IdentityError("the join token is of another cloud", remedy="make a token on this server (createHostJoinToken)")
        return _hash(body.secret)

    def key_of(self, csr: str) -> str:
        """Return the fingerprint of a CSR's key; raises :class:`IdentityError` when the CSR is malformed or not self-signed."""
        return _key_hash(_request(csr).public_key())

    def issue(self, csr: str, host: str) -> Issued:
        """Return a certificate for ``host`` (UUID). Whatever else the CSR asks for is ignored."""
        request = _request(csr)
        now = datetime.now(UTC)
        expires = (now + self._lifetime).replace(microsecond=0)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(host))
            .issuer_name(self._certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - min(_SKEW, self._lifetime / 100))
            .not_valid_after(expires)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(self._issuer_key(), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return Issued(pem, f"{certificate.serial_number:x}", _key_hash(request.public_key()), expires)

    def server_context(self) -> ssl.SSLContext:
        """Return the gateway's TLS side: 1.3 only; a client certificate is optional (Join has none) but must be our CA's.

        OpenSSL does not look at validity times: an expired certificate must still be able to ask for its successor.
        The gateway looks at them itself.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= _NO_CHECK_TIME
        context.load_verify_locations(cadata=self.certificate)
        context.load_cert_chain(self._folder / "server.crt", self._folder / "server.key")
        return context

    def _ensure_server_certificate(self) -> None:
        path = self._folder / "server.crt"
        if path.exists() and (self._folder / "server.key").exists():
            held = _read_certificate(path)
            fresh = held.not_valid_after_utc - datetime.now(UTC) > _SERVER_LIFETIME / 3
            if fresh and _signed_by(held, self._certificate):
                return
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(SERVER_NAME))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + _SERVER_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(self._issuer_key(), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write(self._folder / "server.key", _private_pem(key))
        _write(path, certificate.public_bytes(serialization.Encoding.PEM))

    def _issuer_key(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def claimant(certificate: bytes) -> Claimant:
    """Return whom a verified client certificate (DER, from the TLS layer) names; raises :class:`IdentityError` when it is no host's."""
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        name = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        host = str(uuid.UUID(str(name)))
    except (ValueError, IndexError) as error:
        raise IdentityError("the client certificate names no host", remedy="join the host again with a new token") from error
    return Claimant(host, f"{parsed.serial_number:x}", _key_hash(parsed.public_key()), parsed.not_valid_after_utc)


def _token_body(text: str) -> _TokenBody:
    stripped = text.strip()
    if not stripped.startswith(PREFIX):
        raise IdentityError("that is not a join token", remedy=f"tokens begin with {PREFIX}; copy the whole line")
    packed = stripped.removeprefix(PREFIX)
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=_TokenBody)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise IdentityError("the join token is damaged", remedy="copy the whole line, or make a new token") from error


def _request(csr: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        valid = request.is_signature_valid
    except (ValueError, InvalidSignature) as error:
        raise IdentityError("the certificate request cannot be read", remedy="upgrade the agent") from error
    key = request.public_key()
    if not valid or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise IdentityError("the certificate request is not signed by an EC P-256 key of its own", remedy="upgrade the agent")
    return request


def _load_or_make(folder: Path, *, fresh: bool) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_path, path = folder / "ca.key", folder / "ca.crt"
    remedy = f"restore {folder} from a backup; a new CA would shut out every host that has joined"
    if not fresh and not path.exists():
        raise StateError(f"the CA's certificate {path} is gone, and hosts have joined", remedy=remedy)
    if not key_path.exists() and not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _make(key_path, path)
    if not path.exists():  # died between the two files of the first start: no host can have joined, so the key may go
        return _make(key_path, path)
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"the CA's key {key_path} cannot be read: {error}", remedy=remedy) from error
    certificate = _read_certificate(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or _key_hash(key.public_key()) != _key_hash(certificate.public_key()):
        raise StateError(f"{key_path} and {path} do not belong together", remedy=remedy)
    return key, certificate


def _make(key_path: Path, path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = _name(f"vxloom CA {secrets.token_hex(4)}")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_ca_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _private_pem(key))
    _write(path, certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StateError(f"the certificate {path} cannot be read: {error}", remedy="restore it from a backup") from error


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_hash(key: object) -> str:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise IdentityError("only EC keys are used here", remedy="join the host again with a new token")
    return _hash(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    """Replace a file whole or not at all; mode 0600 from its first byte."""
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

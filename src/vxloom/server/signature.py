"""Who signed this request? Checks CloudStack's HMAC-SHA1 signature and its expiry. Pure: the clock is handed in.

Clients disagree on how ``*``, ``~``, ``[`` and ``]`` are encoded and on how names are sorted (the developer guide says one thing, the
real server does another, libraries copied either). Every form below signs the same content with the same secret, so accepting all of
them weakens nothing. Source of the forms: cs 5.2.0, apache-libcloud 3.9.1, go-cloudstack 2.9.0, CloudMonkey 6.4, csclient 0.6.4,
ApiServer.java.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from vxloom.errors import RequestError

Pair = tuple[str, str]
_Order = Callable[[Sequence[Pair]], list[str]]

REFUSED = "unable to verify user credentials and/or request signature"
"""The text for every refusal, so that nobody learns which part was wrong."""

_SOON = timedelta(minutes=15)
_EXPIRES = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)$")


def refusal() -> RequestError:
    """Return the error of a request nobody may be told more about (HTTP 401)."""
    return RequestError(REFUSED, code=401, cs_code=4365)


def verify(parameters: Sequence[Pair], signature: str, secret: str) -> bool:
    """Tell whether ``signature`` (Base64) is that of ``parameters`` (decoded, names as received; ``signature`` itself is left out)."""
    try:
        # A "+" that was not escaped arrives as a blank; no Base64 text holds a blank, so nothing is lost by mending it.
        wanted = base64.b64decode(signature.replace(" ", "+").encode(), validate=True)
    except ValueError:
        return False
    key = secret.encode()
    signed = [(name, value) for name, value in parameters if name.lower() != "signature"]
    # Names go into the signed text as they are. One with "&" or "=" in it could swallow others and leave the text as it was: who has
    # seen a request could send it again without its id, or without its expiry.
    if any("&" in name or "=" in name for name, _ in signed):
        return False
    matches = (hmac.compare_digest(hmac.digest(key, text, hashlib.sha1), wanted) for text in canonical_texts(signed))
    return any(matches)


def canonical_texts(parameters: Sequence[Pair]) -> Iterator[bytes]:
    """Yield every text a known client signs for these parameters, the real server's own first; each once."""
    seen: set[bytes] = set()
    for star, tilde, brackets in itertools.product((True, False), (False, True), (False, True)):
        encoded = [(name, _encode(value, star=star, tilde=tilde, brackets=brackets)) for name, value in parameters]
        for order in _ORDERS:
            text = "&".join(order(encoded)).lower().encode()
            if text not in seen:
                seen.add(text)
                yield text


def check_expiry(version: str, expires: str, now: datetime, *, soon: bool = False) -> None:
    """Refuse (401) a version 3 request whose ``expires`` is missing, unreadable or past; with ``soon`` also one over 15 minutes ahead.

    Other versions carry none (libcloud, cmk, packer and the Go library send neither). Zones: ``+0000``, ``+05:30``, ``Z``.
    """
    if version.strip() != "3":
        return
    found = _EXPIRES.match(expires.strip())
    if not found:
        raise refusal()
    try:
        moment = datetime.fromisoformat(found[1] + ("+00:00" if found[2] == "Z" else found[2]))
    except ValueError:
        raise refusal() from None
    if moment <= now or (soon and moment > now + _SOON):
        raise refusal()


def _encode(value: str, *, star: bool, tilde: bool, brackets: bool) -> str:
    """Percent-encode a value; the flags say which of ``*``, ``~`` and ``[]`` stay as they are."""
    text = quote(value, safe=("*" if star else "") + ("[]" if brackets else ""))
    return text if tilde else text.replace("~", "%7E")


def _as_sent(pairs: Sequence[Pair]) -> list[str]:
    """By name, case-sensitively: ApiServer.java, cs, cmk, Go."""
    return [f"{name}={value}" for name, value in sorted(pairs)]


def _lowered(pairs: Sequence[Pair]) -> list[str]:
    """By lower-cased name: libcloud, Marvin, the developer guide's wording."""
    return [f"{name}={value}" for name, value in sorted((name.lower(), value) for name, value in pairs)]


def _finished(pairs: Sequence[Pair]) -> list[str]:
    """The finished ``name=value`` strings sorted: csclient."""
    return sorted(f"{name}={value}" for name, value in pairs)


def _finished_lowered(pairs: Sequence[Pair]) -> list[str]:
    """The finished strings sorted after lower-casing."""
    return sorted(f"{name}={value}".lower() for name, value in pairs)


_ORDERS: tuple[_Order, ...] = (_as_sent, _lowered, _finished, _finished_lowered)

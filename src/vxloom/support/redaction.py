"""Secrets taken out of text, by what stands before them, by their form, and by what they are known to be. Pure.

Whatever is found in doubt goes: a value that is missing can be asked for, one that was published cannot be taken back.
"""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Final

REMOVED: Final = "[removed]"
_SHORTEST: Final = 6
"""Characters of a known secret that is looked for everywhere: shorter ones would take half the text with them."""
_LONGEST_LINE: Final = 1 << 16
"""Characters: what a rule costs is bounded by its line."""
_KEY_LENGTH: Final = 16_384
"""Characters of a private key in PEM, with a log's words before each line."""

_NAMES: Final = (
    r"(?:pass(?:word|wd|phrase|code)|\bpwd|secrets?|tokens?|signature|session(?:_?key|_?id)?|jsessionid|cookie|credentials?|authorization"
    r"|user_?data|psk|api_?key|(?:secret|private|session|access|auth|signing|encryption|shared)_?key|(?<=[a-z0-9])[_.\-]key)"
)
_SECRET_NAME: Final = re.compile(rf"{_NAMES}$", re.IGNORECASE)
_IS: Final = r"\s{0,8}(?:=>|[=:]|%3d|%3a)\s{0,8}"
_VALUE: Final = (
    rf"(?!\\?[\"']?{re.escape(REMOVED)})"
    r"""(?:(?P<quote>")(?:[^"\\]|\\.)*(?:"|$)|(?P<escaped>\\")(?:\\{3}"|(?!\\").)*(?:\\"|$)|(?P<single>')[^']*(?:'|$)"""
    r"""|(?:(?!%26|\\[nrt"])[^\s&;,"'<>)}\]])+)"""
)
_BEGIN, _END = (rf"-----{word} [A-Z0-9 ]{{0,40}}PRIVATE KEY-----" for word in ("BEGIN", "END"))
_IN_PEM: Final = re.compile(rf"{_BEGIN}(?:.{{0,{_KEY_LENGTH}}}?{_END}|.{{0,{_KEY_LENGTH}}})", re.DOTALL)
_END_OF_PEM: Final = re.compile(_END)
_HEADER: Final = re.compile(r"(?i)\b((?:set-)?cookie|(?:proxy-)?authorization|x-api-key|x-auth-token)(\"?\s{0,8}:)(?! \[removed\]).*")
_AFTER_A_NAME: Final = (
    re.compile(rf"(?i)(--[a-z0-9\-]{{0,40}}{_NAMES}[= ]\s{{0,8}}){_VALUE}"),
    re.compile(rf"""(?i)({_NAMES}\\?["']?{_IS}){_VALUE}"""),
)
_BY_FORM: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s{1,8}[A-Za-z0-9+/=._~\-]{8,}"), rf"\1 {REMOVED}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.\-]{1,20}://[^\s/:@\"']*):(?!\[removed\])[^\s/@\"']+@"), rf"\1:{REMOVED}@"),
    (re.compile(rf"(?i)(<[a-z0-9_.:\-]{{0,40}}{_NAMES}>)(?!\[removed\])[^<]+"), rf"\1{REMOVED}"),
    (re.compile(r"\bvxl1\.[A-Za-z0-9._\-]+"), REMOVED),  # a join token
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,400}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"), REMOVED),  # a JSON web token
    (re.compile(r"\$[0-9a-z]{1,12}\$[^\s:\"']{8,}"), REMOVED),  # a password's hash, crypt(5)
)
_HINTS: Final = (
    *("pass", "pwd", "secret", "token", "signature", "session", "cookie", "credential", "authorization", "user", "psk", "key", "auth"),
    *("bearer", "basic", "://", "vxl1.", "eyj", "$"),
)
"""A line without any of these, in any case, holds nothing that a rule finds; looking for them is ten times faster."""


class Redaction:
    """Takes secrets out, and counts. ``known``: secrets of this host, which go wherever and in whichever coding they stand."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        coded = {form for secret in known if len(secret) >= _SHORTEST for form in _forms(secret)}
        longest_first = sorted(coded, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> tuple[str, int]:
        """Return the text without its secrets, and how many places were changed."""
        removed = 0
        if self._known is not None:
            text, removed = self._known.subn(REMOVED, text)
        if "PRIVATE KEY-----" in text:
            text, count = _without_keys(text)
            removed += count
        lines = text.split("\n")
        for place, line in enumerate(lines):
            if len(line) > _LONGEST_LINE:
                line = f"{line[:_LONGEST_LINE]}… and {len(line) - _LONGEST_LINE} characters more in this line"  # noqa: PLW2901 - cut before it is looked at
                lines[place] = line
            lower = line.lower()
            if any(hint in lower for hint in _HINTS):
                lines[place], count = _line(line)
                removed += count
        return "\n".join(lines), removed


def _line(line: str) -> tuple[str, int]:
    line, removed = _HEADER.subn(rf"\1\2 {REMOVED}", line)
    for pattern in _AFTER_A_NAME:
        line, count = pattern.subn(_valueless, line)
        removed += count
    for pattern, instead in _BY_FORM:
        line, count = pattern.subn(instead, line)
        removed += count
    return line, removed


def _valueless(found: re.Match[str]) -> str:
    """What is JSON stays JSON."""
    quote = found["quote"] or found["escaped"] or found["single"] or ""
    return f"{found[1]}{quote}{REMOVED}{quote}"


def _without_keys(text: str) -> tuple[str, int]:
    """Take out private keys in PEM: whole ones, those cut at the end, and those whose beginning was cut off."""
    text, removed = _IN_PEM.subn(REMOVED, text)
    while (end := _END_OF_PEM.search(text)) is not None:
        text = text[: max(0, end.start() - _KEY_LENGTH)] + REMOVED + text[end.end() :]
        removed += 1
    return text, removed


def without_secrets(value: object) -> object:
    """Return an answer of the API without the values of fields that are secret by their name, or are called so by the field beside them.

    A setting says what it is in ``name`` and what it holds in ``value``.
    """
    if isinstance(value, Mapping):
        called = value.get("name")
        hides = isinstance(called, str) and is_secret(called)
        return {key: _field(str(key), each, hides=hides) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(each) for each in value]
    return value


def _field(name: str, value: object, *, hides: bool) -> object:
    empty = value is None or value == ""
    return REMOVED if not empty and (is_secret(name) or (hides and name == "value")) else without_secrets(value)


def is_secret(name: str) -> bool:
    """Tell whether what is called so is a secret."""
    return _SECRET_NAME.search(name) is not None


def values(text: str) -> set[str]:
    """Return the secrets that a file of settings holds, so that they are known wherever else they stand."""
    pairs = re.findall(rf"""(?im)^\s*(?:export\s+)?[\w.\-]{{0,80}}{_NAMES}\s*[=:]\s*["']?([^"'\s]+)""", text)
    urls = re.findall(r"://[^\s/:@\"']*:([^\s/@\"']+)@", text)
    return {*pairs, *urls, *map(urllib.parse.unquote, urls)}


def _forms(secret: str) -> set[str]:
    """Return how a secret may be written: as it is, in a URL, in JSON, in Base64."""
    quoted = urllib.parse.quote(secret, safe="")
    plain = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quoted, quoted.lower(), urllib.parse.quote_plus(secret), secret.replace("/", "\\/"), plain}

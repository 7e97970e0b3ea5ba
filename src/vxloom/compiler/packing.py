"""Text to integer columns, many at a time: one address object each would cost more than the rest of the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vxloom.errors import IntentError
from vxloom.model.addresses import V4_MAPPED, IpPair, pack_ip, parse_mac

U64 = NDArray[np.uint64]

NOWHERE: IpPair = (0, 0)
"""What a text that is not an address packs to (``::`` is no guest's and no VTEP's address)."""
_MULTICAST = np.uint64(1 << 40)


def pack_macs(texts: Sequence[str]) -> U64:
    """Return the 48-bit values; 0 for a text that is not a unicast MAC."""
    raw = _hex_of_all(texts)
    if raw is None:
        return np.fromiter((pack_mac(text) for text in texts), np.uint64, len(texts))
    octets = np.zeros((len(texts), 8), np.uint8)
    octets[:, 2:] = np.frombuffer(raw, np.uint8).reshape(-1, 6)
    values = octets.view(">u8").reshape(-1).astype(np.uint64)
    values[(values & _MULTICAST) != 0] = 0
    return values


def pack_mac(text: str) -> int:
    """Return the 48-bit value, 0 for a text that is not a unicast MAC."""
    try:
        return parse_mac(text)
    except IntentError:
        return 0


def pack_ips(texts: Sequence[str]) -> tuple[U64, U64]:
    """Return the ``(hi, lo)`` columns; :data:`NOWHERE` for a text that is not an address."""
    high, low = np.zeros(len(texts), np.uint64), np.zeros(len(texts), np.uint64)
    short = [i for i, text in enumerate(texts) if ":" not in text]
    low[short] = _v4_of_all([texts[i] for i in short])
    heads: dict[str, int] = {}
    for i, text in enumerate(texts):
        if ":" in text:
            high[i], low[i] = _v6(text, heads)
    return high, low


def pack_one_ip(text: str) -> IpPair:
    """Return the pair of one text, :data:`NOWHERE` if it is not an address."""
    try:
        return pack_ip(text)
    except IntentError:
        return NOWHERE


@dataclass(frozen=True, slots=True)
class Mixed:
    """MACs and IPs that come in one list, told apart."""

    macs: frozenset[int]
    ips: frozenset[IpPair]


def pack_mixed(texts: Sequence[str]) -> Mixed:
    """Return what can be read of a list of MACs and IPs; the rest is :func:`vxloom.compiler.validate.validate`'s to report."""
    macs = {text: pack_mac(text) for text in texts}
    ips = {pack_one_ip(text) for text, mac in macs.items() if not mac}
    return Mixed(frozenset(macs.values()) - {0}, frozenset(ips) - {NOWHERE})


def _hex_of_all(texts: Sequence[str]) -> bytes | None:
    """Return six bytes per text, or None where one is not plainly ``aa:bb:cc:dd:ee:ff``."""
    joined = ":".join(texts)
    if joined.count(":") != max(6 * len(texts) - 1, 0) or any(len(text) != 17 for text in texts):
        return None
    try:
        raw = bytes.fromhex(joined.replace(":", ""))
    except ValueError:
        return None
    return raw if len(raw) == 6 * len(texts) else None


def _v4_of_all(texts: Sequence[str]) -> U64:
    joined = ".".join(texts)
    plain = all(text.count(".") == 3 for text in texts) and joined.isascii() and joined.replace(".", "").isdigit()
    if plain and ".." not in joined:
        octets = np.array(list(map(int, joined.split("."))), np.uint64).reshape(-1, 4)
        if (octets < 256).all():
            weights = np.array([1 << 24, 1 << 16, 1 << 8, 1], np.uint64)
            values: U64 = (octets * weights).sum(axis=1, dtype=np.uint64) | np.uint64(V4_MAPPED)
            return values
    return np.fromiter((pack_one_ip(text)[1] for text in texts), np.uint64, len(texts))


def _v6(text: str, heads: dict[str, int]) -> IpPair:
    """Return the pair; ``heads`` remembers what stands before ``::``, the same for most addresses of a network."""
    head, gap, tail = text.partition("::")
    groups = tail.split(":")
    if not gap or not tail or len(groups) > 4 or head.count(":") > 3:
        return pack_one_ip(text)
    try:
        if head not in heads:
            heads[head] = pack_ip(head + "::")[0]
        low = 0
        for group in groups:
            low = (low << 16) | _group(group)
    except (ValueError, IntentError):
        return pack_one_ip(text)
    return heads[head], low


def _group(text: str) -> int:
    if len(text) > 4:
        raise ValueError(text)
    return int(text, 16)

"""How a table of ours knows whether its rules are as they were made: an empty chain whose name holds a digest of the listing. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

Listed = Sequence[Mapping[str, Mapping[str, object]]]
"""What ``nft -j list table`` gives: one object each, by its kind."""

PREFIX: Final = "rules_"
"""Such a chain is named ``rules_<version>_<digest of the listing>``."""
_VOLATILE: Final = frozenset({"handle", "elem", "packets", "bytes"})


def decode(output: bytes) -> Listed:
    """Return a listing in JSON as objects."""
    objects: Listed = msgspec.json.decode(output, type=dict[str, list[dict[str, dict[str, object]]]])["nftables"]
    return objects


def mark(listed: Listed, version: str) -> str:
    """Return the name of the chain that marks rules just made."""
    return f"{PREFIX}{version}_{digest(listed)}"


def marks(listed: Listed) -> frozenset[str]:
    """Return the marks a table has: one, unless by other hands."""
    return frozenset(str(each["chain"]["name"]) for each in listed if _is_mark(each))


def digest(listed: Listed) -> str:
    """Return a digest of everything but elements, handles, counts and the mark."""
    kept = [_stable(each) for each in listed if "metainfo" not in each and not _is_mark(each)]
    return hashlib.blake2b(msgspec.json.encode(kept, order="deterministic"), digest_size=8).hexdigest()


def identity(listed: Listed, *versions: str) -> str:
    """Return the version the rules were made as, if they are listed as they were then; else what they look like."""
    found = marks(listed)
    return next((version for version in versions if found == {mark(listed, version)}), f"altered-{digest(listed)}")


def _is_mark(each: Mapping[str, Mapping[str, object]]) -> bool:
    return "chain" in each and str(each["chain"].get("name", "")).startswith(PREFIX)


def _stable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items() if key not in _VOLATILE}
    return [_stable(item) for item in value] if isinstance(value, list) else value

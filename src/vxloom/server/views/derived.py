"""Ids of objects that clients ask for and that are no rows of ours: made from what they belong to, the same every time. Pure."""

from __future__ import annotations

import uuid

_OS_TYPES = uuid.UUID("5d1f8a52-6f0c-4f37-9b86-0c8d1c8a2f11")
_OS_CATEGORIES = uuid.UUID("0a53a5b6-02c9-4c6a-9a2f-7f7c1f6f2b42")
_GROUPS = uuid.UUID("c7d1c8de-3d4b-4c0e-8f0e-51a9a7f1d6e3")
_VOLUME_MASK = 0x566F_6C75_6D65_0000_0052_4F4F_5400_0001
"""Leaves a UUID's version and variant as they are."""


def os_type_id(description: str) -> str:
    """Return the id of an operating system."""
    return str(uuid.uuid5(_OS_TYPES, description))


def os_category_id(name: str) -> str:
    """Return the id of a family of operating systems."""
    return str(uuid.uuid5(_OS_CATEGORIES, name))


def group_id(account: str, name: str) -> str:
    """Return the id of an account's group of machines."""
    return str(uuid.uuid5(_GROUPS, f"{account}/{name}"))


def root_volume_id(machine: str) -> str:
    """Return the id of a machine's ROOT volume, and of a ROOT volume that of its machine: no row is needed to find one by the other."""
    return str(uuid.UUID(int=uuid.UUID(machine).int ^ _VOLUME_MASK))

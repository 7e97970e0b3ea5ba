"""Operating systems as clients choose them: names for people, of which nothing depends. Pure.

CloudStack's table has hundreds; these are what templates of a cloud of today are called, spelled as there.
"""

from __future__ import annotations

from dataclasses import dataclass

from vxloom.server.parameters import unknown_id
from vxloom.server.views.derived import os_category_id, os_type_id

DEFAULT = "Other (64-bit)"


@dataclass(frozen=True, slots=True)
class OsType:
    """One operating system; its id is made of its description."""

    description: str
    category: str

    @property
    def id(self) -> str:
        """Its id."""
        return os_type_id(self.description)

    @property
    def category_id(self) -> str:
        """Its family's id."""
        return os_category_id(self.category)


_TABLE = {
    "CentOS": ("CentOS 7", "CentOS 8", "CentOS Stream 9"),
    "Debian": ("Debian GNU/Linux 11 (64-bit)", "Debian GNU/Linux 12 (64-bit)", "Debian GNU/Linux 13 (64-bit)"),
    "RedHat": ("Red Hat Enterprise Linux 8.0", "Red Hat Enterprise Linux 9.0", "Rocky Linux 8", "Rocky Linux 9", "AlmaLinux 9"),
    "SUSE": ("SUSE Linux Enterprise Server 15 (64-bit)", "openSUSE Leap 15 (64-bit)"),
    "Ubuntu": ("Ubuntu 20.04 LTS", "Ubuntu 22.04 LTS", "Ubuntu 24.04 LTS"),
    "Windows": ("Windows 10 (64-bit)", "Windows 11 (64-bit)", "Windows Server 2019 (64-bit)", "Windows Server 2022 (64-bit)"),
    "Unix": ("FreeBSD 13 (64-bit)", "FreeBSD 14 (64-bit)"),
    "Other": (DEFAULT, "Other (32-bit)", "Other Linux (64-bit)", "Other Linux (32-bit)"),
}
OS_TYPES = tuple(OsType(name, category) for category, names in _TABLE.items() for name in names)
OS_CATEGORIES = tuple(_TABLE)
_BY_ID = {one.id: one for one in OS_TYPES}


def described(given: str | None, parameter: str = "ostypeid") -> str:
    """Return the description of an operating system's id, the default one for None; raises :class:`RequestError` 431 for an unknown id."""
    if given is None:
        return DEFAULT
    if given not in _BY_ID:
        raise unknown_id(parameter, given)
    return _BY_ID[given].description

"""A link's IPv6 settings, in ``/proc/sys/net/ipv6/conf/<link>/``: the kernel has no message for them.

The kernel resolves ``/proc/sys/net`` by the network namespace of the thread that opens the file.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vxloom.errors import DataplaneError

_CONF: Final = Path("/proc/sys/net/ipv6/conf")
QUIET_BRIDGE: Final[Mapping[str, str]] = {"accept_ra": "0", "autoconf": "0", "disable_ipv6": "0"}
"""A segment's bridge takes no address and hears no router, but has IPv6: ND suppression needs it."""
NO_IPV6: Final[Mapping[str, str]] = {"disable_ipv6": "1"}
"""A VXLAN device says nothing of its own on the overlay."""


def holds(link: str, wanted: Mapping[str, str]) -> bool:
    """Tell whether a link's settings are these. A kernel booted without IPv6 has no files, and nothing to be quiet about."""
    try:
        return all((_CONF / link / name).read_text().strip() == value for name, value in wanted.items())
    except FileNotFoundError:
        return True
    except OSError as error:
        raise DataplaneError(f"link {link}", "read IPv6 settings of", error.errno or errno.EIO) from error


def write(link: str, wanted: Mapping[str, str]) -> str:
    """Write settings; return "" or what went wrong. Missing files are no error, as in :func:`holds`."""
    for name, value in wanted.items():
        try:
            (_CONF / link / name).write_text(value)
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"set {name} of {link} to {value}: {error.strerror} (errno {error.errno})"
    return ""

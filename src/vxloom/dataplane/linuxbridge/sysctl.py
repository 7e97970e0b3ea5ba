"""A link's IPv6 settings, in ``/proc/sys/net/ipv6/conf/<link>/``: the kernel has messages to read them, none to write them.

The kernel resolves ``/proc/sys/net`` by the network namespace of the thread that opens the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

QUIET_BRIDGE: Final[Mapping[str, bytes]] = {"accept_ra": b"0", "autoconf": b"0", "disable_ipv6": b"0"}
"""A segment's bridge takes no address and hears no router, but has IPv6: ND suppression needs it."""
NO_IPV6: Final[Mapping[str, bytes]] = {"disable_ipv6": b"1"}
"""A VXLAN device says nothing of its own on the overlay."""


def write(link: str, wanted: Mapping[str, bytes]) -> str:
    """Write settings; return "" or what went wrong. A kernel booted without IPv6 has no files, and nothing to be quiet about."""
    for name, value in wanted.items():
        try:
            file = os.open(f"/proc/sys/net/ipv6/conf/{link}/{name}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(file, value)
            finally:
                os.close(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"set {name} of {link} to {value.decode()}: {error.strerror} (errno {error.errno})"
    return ""

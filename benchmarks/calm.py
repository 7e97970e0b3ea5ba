"""Waiting until nobody holds the kernel's link lock: it spans all namespaces, and the end of a namespace holds it for long."""

from __future__ import annotations

import time

from vxloom.dataplane.netlink import NetlinkSocket, set_link

_LOOPBACK = 1
_QUIET_SECONDS = 0.003
_PROBES = 50
_PATIENCE = 90.0


def await_calm() -> None:
    """Return when many writes in a row, spread over a quarter of a second, met no wait; or after a minute and a half all the same."""
    deadline = time.monotonic() + _PATIENCE
    calm = 0
    with NetlinkSocket() as sock:
        while calm < _PROBES and time.monotonic() < deadline:
            start = time.perf_counter()
            sock.batch([set_link(_LOOPBACK, up=True)])
            calm = calm + 1 if time.perf_counter() - start < _QUIET_SECONDS else 0
            time.sleep(0.005)

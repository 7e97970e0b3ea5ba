"""Two threads that carry deletions to the kernel, one at a time with the link lock, and wait out what follows without it.

A message that deletes links holds the lock until they are gone for everybody, then waits without it for a barrier of the kernel's
(``netdev_run_todo``: 15 ms and more, Linux 6.18) before ``send`` returns. So one thread that sends one message after the other leaves the
lock idle a third of the time. Here whoever asks returns when the links are gone, and a hand waits for the barrier while the next
message is carried by the other. What is sent, and in which order, is decided by one thread alone (law 10): never is a second message
of ours on its way to the lock while the first may hold it, so another writer waits for one of them, not for two.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from vxloom.dataplane.netlink import Failure, NetlinkSocket, link_get
from vxloom.model.state import altname

_HANDS: Final = 2
"""More gain nothing: a chunk holds the lock longer than the barrier behind it takes."""
_AGAIN: Final = 0.0002
"""Seconds between two looks, which are rarely needed: a look waits for the lock like any other."""

_PAUSE: Final = 0.0003
"""Seconds in which whoever waits for the lock wakes up: it goes to whoever asks first, not to whoever waited longest."""


class Hands:
    """Carries deletions. For one thread at a time."""

    def __init__(self) -> None:
        """Open a socket for each hand, in the current network namespace. Raises ``DataplaneError``."""
        self._sock = NetlinkSocket(receive_buffer=1 << 18)
        self._free: queue.SimpleQueue[NetlinkSocket] = queue.SimpleQueue()
        for _ in range(_HANDS):
            self._free.put(NetlinkSocket(receive_buffer=1 << 18))
        self._threads = ThreadPoolExecutor(_HANDS, thread_name_prefix="vxloom-deletion")
        self._behind: set[Future[list[Failure]]] = set()
        """Deletions seen done whose barrier may not be over."""

    def close(self) -> None:
        """Wait for the last barrier and give the sockets back."""
        self._threads.shutdown()
        for _ in range(_HANDS):
            self._free.get_nowait().close()
        self._sock.close()

    def carry(self, deletion: bytes, witness: str) -> list[Failure]:
        """Send a deletion; return when the link made as ``witness``, which must be among what it deletes, is gone, or on a refusal.

        Raises:
            DataplaneError: a socket itself failed. Observe, then try again.
        """
        while len(self._behind) >= _HANDS:
            self._behind = set(wait(self._behind, return_when=FIRST_COMPLETED).not_done)
        going = threading.Event()
        answer = self._threads.submit(self._send, deletion, going)
        going.wait()
        look = link_get(name=altname(witness))
        while not answer.done():
            if self._sock.get([look])[1]:
                self._behind.add(answer)  # its answer can only be that it is done
                time.sleep(_PAUSE)
                return []
            wait([answer], _AGAIN)
        return answer.result()

    def _send(self, deletion: bytes, going: threading.Event) -> list[Failure]:
        sock = self._free.get()
        try:
            going.set()
            return sock.batch([deletion])
        finally:
            self._free.put(sock)

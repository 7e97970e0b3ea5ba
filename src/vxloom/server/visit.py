"""What a request carries besides its parameters: where from, with which cookies; and the limit on guesses of passwords."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from vxloom.errors import RequestError

_WINDOW = 60.0
"""Seconds in which attempts are counted together."""
_OF_ONE_USER, _OF_ONE_ADDRESS = 5, 50
_REMEMBERED = 10_000
_AT_ONCE = 2
"""Passwords looked at together: each takes a processor for 50 ms and 16 MiB (lifecycle/people.py)."""


class Guesses:
    """Counts attempts to log in, per address and user and per address. One per server process; any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def count(self, address: str, user: str) -> None:
        """Count an attempt before it is looked at; raises :class:`RequestError` 429 when there were too many lately."""
        now = self._clock()
        with self._lock:
            for key, most in (((address, user), _OF_ONE_USER), ((address,), _OF_ONE_ADDRESS)):
                since, number = self._counts.get(key, (now, 0))
                if now - since >= _WINDOW:
                    since, number = now, 0
                if number >= most:
                    raise _too_many()
                self._counts[key] = (since, number + 1)
                self._counts.move_to_end(key)
            while len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)

    def forget(self, address: str, user: str) -> None:
        """Forget the attempts of somebody who was let in."""
        with self._lock:
            self._counts.pop((address, user), None)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the few places in which passwords are looked at; raises 429 when none comes free."""
        if not self._slots.acquire(timeout=5):
            raise _too_many()
        try:
            yield
        finally:
            self._slots.release()


def _too_many() -> RequestError:
    return RequestError("Too many attempts to log in", code=429, cs_code=9999, remedy="try again in a minute")


@dataclass(slots=True)
class Visit:
    """One request's surroundings."""

    address: str = ""
    """The client's."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    posted: bool = False
    guesses: Guesses = field(default_factory=Guesses)
    answered: list[str] = field(default_factory=list)
    """Values of ``Set-Cookie`` headers of the answer."""

"""Wait for a condition with a deadline; the only place in tests that pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = 5.0, every: float = 0.02) -> T:
    """Return the first true value of `condition`; after `seconds` fail, saying what did not come true and what was seen last."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {seen!r}")
        pause.wait(every)

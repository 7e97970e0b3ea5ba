"""Wait for a condition with a deadline; the only place in tests that pauses."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = 15.0, every: float = 0.02) -> T:
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


async def until(condition: Callable[[], object], seconds: float = 10.0, *, every: float = 0.005) -> None:
    """The same inside an event loop, which goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s, awaited in this test's line above")
        await pause(every)


async def pause(seconds: float) -> None:
    """Let the event loop go on for a while."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    timer = loop.call_later(seconds, over.set_result, None)
    try:
        await over
    finally:
        timer.cancel()

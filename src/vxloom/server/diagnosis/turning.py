"""A thread that does something again and again, and outlives what goes wrong with it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

import structlog

_log = structlog.get_logger(__name__)


class Turning(ABC):
    """Calls :meth:`turn` for ever; ``idle`` seconds pass between two calls unless there is more to do at once."""

    def __init__(self, name: str, idle: float) -> None:
        self._idle = idle
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def turn(self) -> bool:
        """Do some of what is due; return whether there is more."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Begin nothing further. Any thread."""
        self._ended.set()

    def join(self) -> None:
        """Wait until what goes on is over: at once when the hosts' streams have ended."""
        if self._thread.is_alive():
            self._thread.join(timeout=20)

    def _run(self) -> None:
        while not self._ended.is_set():
            more = False
            try:
                more = self.turn()
            except Exception:  # noqa: BLE001 - the thread must outlive a locked or full store; what was not written is found again
                _log.exception("trying again", thread=self._thread.name)
            if not more:
                self._ended.wait(self._idle)

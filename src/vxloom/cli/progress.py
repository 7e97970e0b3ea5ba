"""What is going on, said on standard error to whoever waits for more than two seconds."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

import click

SHOW_EVERY_SECONDS = 2.0


class Progress:
    """Says what is going on, with the time since it began, every two seconds; nothing for what takes less. A context manager."""

    def __init__(self, text: str) -> None:
        self._start = time.monotonic()
        self._text = text
        self._ended = threading.Event()
        self._voice = threading.Thread(target=self._speak, daemon=True)

    def begin(self, text: str) -> None:
        """Say this from now on."""
        self._text = text

    def tell(self, text: str, seconds: float) -> None:
        """As ``Lab`` reports it; the time since the start is said in any case."""
        self._text = text

    def _speak(self) -> None:
        while not self._ended.wait(SHOW_EVERY_SECONDS):
            click.echo(f"{time.monotonic() - self._start:6.1f} s  {self._text}", err=True)

    def __enter__(self) -> Self:
        self._voice.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._voice.join()

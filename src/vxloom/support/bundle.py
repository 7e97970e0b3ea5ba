"""One tar.gz within bounds: every part is redacted as it goes in, and what could not be had is written down, too."""

from __future__ import annotations

import io
import re
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from vxloom.errors import VxloomError
from vxloom.support.redaction import REMOVED, Redaction

PART: Final = 4 << 20
"""Bytes of a part at most."""
MANIFEST: Final = "MANIFEST.txt"


@dataclass(frozen=True, slots=True)
class Part:
    """What went in."""

    name: str
    bytes: int
    removed: int
    """Places from which a secret was taken."""
    cut: bool = False
    """There was more of it."""


class Bundle:
    """Takes parts until there is no more room or time. Not for several threads at once."""

    def __init__(self, redaction: Redaction, *, seconds: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._redaction = redaction
        self._clock = clock
        self._until = clock() + seconds
        self._room = size
        self._texts: dict[str, str] = {}
        self.parts: list[Part] = []
        self.missing: dict[str, str] = {}

    @property
    def seconds_left(self) -> float:
        """How long there is still time."""
        return max(0.0, self._until - self._clock())

    def collect(self, name: str, look: Callable[[], str], *, patience: float = 15.0, end: bool = False) -> None:
        """Put in what ``look`` returns, or why it did not. ``end``: of what is too long the end counts, as in logs."""
        if not self.seconds_left:
            self.missing[name] = "no time left"
            return
        if self._room <= 0:
            self.missing[name] = "no room left"
            return
        try:
            text = _in_time(look, min(patience, self.seconds_left))
        except (OSError, ValueError, VxloomError) as error:
            self.missing[name] = self._redaction.text(str(error) or type(error).__name__)[0]
            return
        except Exception as error:  # noqa: BLE001 - whatever one part comes to, the others are wanted
            self.missing[name] = self._redaction.text(f"{type(error).__name__}: {error}")[0]
            return
        self._add(name, text, end=end)

    def _add(self, name: str, text: str, *, end: bool) -> None:
        most = min(PART, self._room)
        cut = len(text) > most
        if cut:
            # At a line's end: half a line could be half a secret, whose beginning said what it is.
            text = text[-most:].partition("\n")[2] if end else text[:most].rpartition("\n")[0]
        text, _ = self._redaction.text(text)
        removed = text.count(REMOVED)  # also those that were taken out of an answer before it became text
        safe = _safe(name)
        self._texts[safe] = text
        size = len(text.encode(errors="replace"))
        self._room -= size
        self.parts.append(Part(safe, size, removed, cut))

    def write(self, path: Path, title: str) -> None:
        """Write the file, for its owner only; it is there whole or not at all."""
        top = path.name.removesuffix(".tar.gz")
        draft = path.with_name(f".{path.name}.draft")
        with draft.open("wb") as raw:
            draft.chmod(0o600)
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as archive:
                for name, text in ((MANIFEST, self.manifest(title)), *self._texts.items()):
                    data = text.encode(errors="replace")
                    info = tarfile.TarInfo(str(PurePosixPath(top, name)))
                    info.size, info.mode, info.mtime = len(data), 0o600, int(time.time())
                    archive.addfile(info, io.BytesIO(data))
        draft.rename(path)

    def manifest(self, title: str) -> str:
        """Return what is inside and what is not."""
        lines = [title, "", "bytes\tsecrets removed\tpart"]
        lines += [f"{part.bytes}\t{part.removed}\t{part.name}{' (cut: there was more)' if part.cut else ''}" for part in self.parts]
        lines += ["", "not collected:", *(f"{name}: {why}" for name, why in self.missing.items())] if self.missing else []
        return self._redaction.text("\n".join(lines) + "\n")[0]


def _in_time(look: Callable[[], str], seconds: float) -> str:
    """Return what a look returns; raises what it raises, or :class:`TimeoutError`. One that hangs dies with the process."""
    told: list[str] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            told.append(look())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            failed.append(error)

    thread = threading.Thread(target=run, name="vxloom-support", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not told:
        raise TimeoutError(f"it did not end within {seconds:.0f} s")
    return told[0]


def _safe(name: str) -> str:
    """A part's name may hold a host's: no path leads out of the archive."""
    return "/".join(re.sub(r"[^A-Za-z0-9._\-]", "_", word).strip(".") or "_" for word in name.split("/"))

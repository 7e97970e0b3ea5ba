"""What a person sees: progress on standard error while it works, the table on standard output at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from benchmarks.rows import HEADINGS, Row, as_tabs, cells

_RARELY = 2.0  # seconds between two lines of progress where lines cannot be overwritten


class Show:
    """Rich on a terminal, plain lines on a pipe."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = 0.0

    def begin(self, case: str) -> None:
        """A case starts."""
        self._last = 0.0
        self.progress(case, "starting")

    def progress(self, case: str, text: str) -> None:
        """Tell how far a case is."""
        if self._live:
            print(f"\r\x1b[K{case}: {text}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._last >= _RARELY:
            self._last = time.monotonic()
            print(f"{case}: {text}", file=sys.stderr, flush=True)

    def end(self, case: str, seconds: float, *, failed: bool) -> None:
        """A case is over."""
        text = f"{case}: {'FAILED' if failed else 'done'} after {seconds:.0f} s"
        print(f"\r\x1b[K{text}" if self._live else text, file=sys.stderr, flush=True)

    def table(self, rows: Sequence[Row]) -> None:
        """Show the rows."""
        if not sys.stdout.isatty():
            print(as_tabs(rows), end="", flush=True)
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, header_style="bold")
        for heading in HEADINGS:
            table.add_column(heading, justify="right" if heading in {"value", "peer's", "ratio"} else "left", overflow="fold")
        for each in rows:
            table.add_row(*cells(each), style={None: "", True: "green", False: "bold red"}[each.holds])
        Console().print(table)

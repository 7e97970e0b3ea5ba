"""Options and output that several commands share."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click
import structlog

Function = TypeVar("Function", bound=Callable[..., object])
Row = Sequence[object]
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}


class Size(click.ParamType[int]):
    """Bytes, or with K or M behind the number."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        found = re.fullmatch(r"([0-9]{1,9})([KM]?)", str(value).upper())
        if found is None:
            self.fail(f"{value!r} is no size: write bytes, or as 512K or 4M", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


def output_option(function: Function) -> Function:
    """Add ``--output table|json``."""
    return click.option(
        "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="For people or for programs."
    )(function)


def config_option(default: Path) -> Callable[[Function], Function]:
    """Add ``--config FILE``; the default file is used only if it is there."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help=f"Settings file (TOML). Default: {default} if it is there.",
    )


def chosen(config: Path | None, default: Path) -> Path | None:
    """Return the settings file to read."""
    return config if config is not None else (default if default.exists() else None)


def show(output: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Print rows as a table, or as a JSON list of objects."""
    if output == "json":
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2, default=str))
        return
    head, *body = aligned([columns, *rows])
    click.echo(click.style(head, bold=True))
    for line in body:
        click.echo(line)


def aligned(rows: Sequence[Row]) -> list[str]:
    """Return a line per row, columns one under another. Nothing is cut: half an id is no id, and a terminal wraps by itself."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def log_to_stderr(level: str) -> None:
    """Set up logs: coloured on a terminal, else one line of logfmt each. The journal adds the time itself, so there it is left out.

    Libraries that use the standard library's logging come out in the same form, from "warning" on.
    """
    import logging
    import os

    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]
    if not os.environ.get("JOURNAL_STREAM"):
        shared.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "logger", "event"], drop_missing=True, bool_as_flag=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("vxloom").setLevel(number)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )

"""Options and output that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click
import structlog

Function = TypeVar("Function", bound=Callable[..., object])
Row = Sequence[object]


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


def show(output: str, columns: Sequence[str], rows: Sequence[Row], *, title: str = "") -> None:
    """Print rows as a table, or as a JSON list of objects."""
    if output == "json":
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2, default=str))
        return
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            click.echo("\t".join("" if cell is None else str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


def log_to_stderr(level: str) -> None:
    """Set up logs: readable on a terminal; logfmt lines for the journal, which adds the time itself."""
    import logging

    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    on_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.LogfmtRenderer(bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")

"""A plan as text for people: what would be done, why, and what stands in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.rows import Rows
from vxloom.model.state import SegmentRows
from vxloom.planner.compare import KEPT
from vxloom.planner.plan import Obstacle, Operation, Plan, QuarantineStep, ResourceStep, RowsStep, Step

EXAMPLES = 3
"""Rows shown of each table; the rest is counted."""
_SIGNS = {Operation.CREATE: "+", Operation.UPDATE: "~", Operation.DELETE: "-"}
_WIDTH = 36


def render(plan: Plan) -> str:
    """Return the plan as lines: ``+`` create, ``~`` change, ``-`` delete, ``#`` lock, ``!`` in the way; then a summary line."""
    lines = [line for step in plan.steps for line in _step(step)]
    lines += [line for obstacle in plan.obstacles for line in _obstacle(obstacle)]
    if plan.withdrawn:
        lines.append(f"taps that lose their segment: {', '.join(name for _, name in plan.withdrawn)}")
    lines.append(_summary(plan))
    return "\n".join(lines) + "\n"


def _step(step: Step) -> list[str]:
    if isinstance(step, ResourceStep):
        return [_line(_SIGNS[step.operation], " ".join(step.key), step.reason)]
    if isinstance(step, QuarantineStep):
        return [_line("#", f"stray {step.name}", f"locked: {step.reason}")]
    return [_line("~", f"rows of VNI {step.vni}", step.reason), *_tables("+", step.put), *_tables("-", step.drop)]


def _line(sign: str, what: str, why: str) -> str:
    return f"{sign} {what:<{_WIDTH}} {why}".rstrip()


def _tables(sign: str, rows: SegmentRows) -> list[str]:
    lines: list[str] = []
    for name, words, text in _ROW_TEXTS:
        table: Rows = getattr(rows, name)
        lines += [f"    {sign} {words} {text(row)}" for row in table[:EXAMPLES].tolist()]
        if len(table) > EXAMPLES:
            lines.append(f"    {sign} {words} … and {len(table) - EXAMPLES} more")
    return lines


_ROW_TEXTS: tuple[tuple[str, str, Callable[[tuple[int, ...]], str]], ...] = (
    ("fdb", "fdb entry", lambda row: f"{format_mac(row[0])} at VTEP {unpack_ip(row[1], row[2])}"),
    ("bridged", "bridge row", lambda row: format_mac(row[0])),
    ("flood", "flood entry", lambda row: f"to VTEP {unpack_ip(row[0], row[1])}"),
    ("neighbours", "neighbour", lambda row: f"{unpack_ip(row[0], row[1])} is at {format_mac(row[2])}"),
)


def _obstacle(obstacle: Obstacle) -> list[str]:
    what, (kind, value), holder = " ".join(obstacle.resource), obstacle.slot, obstacle.holder
    words = f"VNI and UDP port {value}" if kind == "vni" else f"{kind} {value}"
    remedy = f"move or delete {holder.kind} {holder.name} yourself; what waits is made at the next look"
    if holder.detail == KEPT:
        remedy = "it goes when deletions are confirmed (`vxloom host confirm`)"
    return [
        _line("!", what, f"waits: {words} is held by {holder.kind} {holder.name} ({holder.detail or 'not ours'})"),
        f"    → {remedy}; the rest goes on without it",
    ]


def _summary(plan: Plan) -> str:
    kinds = Counter(step.operation for step in plan.steps if isinstance(step, ResourceStep))
    rows = [step for step in plan.steps if isinstance(step, RowsStep)]
    put, drop = (sum(len(getattr(side, name)) for side in sides for name, _, _ in _ROW_TEXTS) for sides in _sides(rows))
    counts = (
        (kinds[Operation.CREATE], "to create", "to create"),
        (kinds[Operation.UPDATE], "to change", "to change"),
        (kinds[Operation.DELETE], "to delete", "to delete"),
        (put, "row to put", "rows to put"),
        (drop, "row to drop", "rows to drop"),
        (sum(isinstance(step, QuarantineStep) for step in plan.steps), "stray to lock", "strays to lock"),
        (len(plan.obstacles), "in the way", "in the way"),
    )
    words = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return ", ".join(words) if words else "nothing to do: the host is as it should be"


def _sides(rows: list[RowsStep]) -> tuple[list[SegmentRows], list[SegmentRows]]:
    return [step.put for step in rows], [step.drop for step in rows]

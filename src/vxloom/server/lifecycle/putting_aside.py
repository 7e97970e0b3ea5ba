"""Events and alerts that are put aside (archived) or deleted: which ones a request means."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.listing import alike, select
from vxloom.server.parameters import Arguments, Kind, Parameter, unknown_id
from vxloom.store import ReadTransaction, records

_DAY = 86400
_IDS = Parameter("ids", Kind.LIST, "these, comma-separated", length=40000)
_DATES = (
    Parameter("startdate", Kind.DATE, "those since; with enddate"),
    Parameter("enddate", Kind.DATE, "those until; a day counts to its end"),
)
EVENTS = (_IDS, Parameter("type", Kind.STRING, "those of this type: VM.CREATE"), *_DATES)
ALERTS = (_IDS, Parameter("type", Kind.STRING, "those of this kind, by number or name: host.silent"), *_DATES)


def span(given: Arguments) -> tuple[float, float]:
    """Return the time from ``startdate`` to ``enddate``, Unix seconds, the end not included; open where one is not given."""
    start, end = given.moment("startdate"), given.moment("enddate")
    whole_day = _DAY if end is not None and len(given.need("enddate").strip()) == len("2026-11-25") else 0
    return start.timestamp() if start else 0.0, end.timestamp() + whole_day if end else float("inf")


def chosen_events(call: Call, rx: ReadTransaction) -> list[records.Event]:
    """Return the events meant, of those the caller reaches; raises :class:`RequestError` 431 for none named, or an id it does not reach."""
    given = call.arguments
    ids, (first, last) = _asked(given), span(given)
    found = select(rx, records.Event, ({"id": ids} if ids else {}) | alike(given, type="type"))
    near = {account for account in {row.account for row in found} if _reaches(call, rx, account)}
    rows = [row for row in found if row.account in near]
    _require(ids, {row.id for row in rows})
    return [row for row in rows if first <= row.created < last]


def chosen_alerts(call: Call, rx: ReadTransaction) -> list[records.Alert]:
    """Return the alerts meant; raises :class:`RequestError` 431 for none named, or an id there is not."""
    given = call.arguments
    ids, (first, last) = _asked(given), span(given)
    kind = (given.filled("type") or "").lower()
    rows = select(rx, records.Alert, {"id": ids} if ids else {})
    _require(ids, {row.id for row in rows})
    return [row for row in rows if first <= row.sent < last and kind in {"", str(row.type), row.name.lower()}]


def _asked(given: Arguments) -> list[str]:
    ids = sorted({text.lower() for text in given.items("ids")})
    if not ids and not given.filled("type") and not given.filled("enddate"):
        raise RequestError("either ids, type or enddate must be specified", remedy="say which are meant")
    if given.filled("startdate") and not given.filled("enddate"):
        raise RequestError("enddate must be specified with startdate parameter", remedy="give enddate, too")
    return ids


def _reaches(call: Call, rx: ReadTransaction, account: str | None) -> bool:
    return call.caller.root if account is None else owners.reaches(rx, call.caller, account)


def _require(ids: list[str], found: set[str]) -> None:
    if missing := sorted(set(ids) - found):
        raise unknown_id("ids", missing[0])

"""How single values are written for clients."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from vxloom.server.listing import select
from vxloom.store import ReadTransaction, records


class Identified(Protocol):
    """A row with an id."""

    @property
    def id(self) -> str:
        """Its id."""


Row = TypeVar("Row", bound=Identified)
Value = TypeVar("Value", str, int)
_PART = 500
"""Values in one query: databases bound them."""


def stamp(seconds: float | None) -> str | None:
    """Return ``2026-11-23T02:38:38+0000``."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def percent(used: int, total: int) -> str:
    """Return a share as CloudStack writes it where no sign is wanted: ``12.5``."""
    return f"{100 * used / total:.2f}".rstrip("0").rstrip(".") if total else "0"


def by_id(rx: ReadTransaction, kind: type[Row], ids: Iterable[str | None]) -> dict[str, Row]:
    """Return the rows of these ids, by id."""
    return {row.id: row for row in within(rx, kind, "id", (id_ for id_ in ids if id_))}


def within(rx: ReadTransaction, kind: type[Row], column: str, values: Iterable[Value], *, order: str | None = None) -> list[Row]:
    """Return the rows whose column holds one of these values; few queries however many values."""
    wanted = sorted(set(values))
    parts = (wanted[start : start + _PART] for start in range(0, len(wanted), _PART))
    return [row for part in parts for row in select(rx, kind, {column: part}, order=order)]


def owners(rx: ReadTransaction, accounts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the fields that say whose an object is, by account id: domainid, domain, and account, or project and projectid."""
    found = by_id(rx, records.Account, accounts)
    domains = by_id(rx, records.Domain, (account.domain for account in found.values()))
    shared = [account.id for account in found.values() if account.type is records.AccountType.PROJECT]
    projects = {project.account: project for project in within(rx, records.Project, "account", shared)} if shared else {}
    return {
        account.id: {**_whose(account, projects.get(account.id)), "domainid": account.domain, "domain": domains[account.domain].name}
        for account in found.values()
    }


def _whose(account: records.Account, project: records.Project | None) -> dict[str, str]:
    return {"account": account.name} if project is None else {"project": project.name, "projectid": project.id}

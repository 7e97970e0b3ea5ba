"""Findings as alerts that clear. One alert per host, code and place: its name is the code, its subject host id and place.

An alert is raised when something is found and keeps its text; it is resolved by a look that would have found the fault and did not. A host
that says nothing, or cannot look at everything, proves nothing: its alerts stay. What an alert is for is in the store alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from vxloom.doctor.check import faults, registry
from vxloom.doctor.finding import Finding, Severity
from vxloom.server.diagnosis.asking import Told
from vxloom.store import ReadTransaction, Store, Transaction, records

ACTOR = "doctor"
EVENT = "HOST.FINDING"
_ALERT_TYPE = 7
"""CloudStack's number of alerts about hosts (AlertService.ALERT_TYPE_HOST)."""
_ELSEWHERE = frozenset({"host-away"}) | {fault.code for fault in registry()["hardware"].faults}
"""Codes that have an alert of the gateway's, ``host.disconnected``, or of the hardware's watch, by the zone's own limits."""
_PLACES = 16
"""Alerts of one code on one host; more places are told of by one alert. A host with a thousand broken networks is one fault."""
_MORE = "…"
_TEXT = 1000

Key = tuple[str, str]
"""Code, subject."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found, and what it would have found."""

    found: Mapping[Key, str]
    """Text of the alert."""
    severities: Mapping[str, Severity]
    told: frozenset[str]
    """Ids of the hosts that told all of themselves."""
    measured: Mapping[str, frozenset[str]]
    """Host id → VTEPs to which it measured the way."""
    together: frozenset[str]
    """Ids of the hosts that answered, of zones that were looked at as a whole."""
    known: frozenset[str] | None = None
    """Ids of all hosts there are; None: not looked up. Nothing is wrong on a host that is no more."""

    def would_find(self, key: Key) -> bool:
        """Tell whether this look would have found a fault if it was still there."""
        code, subject = key
        host, _, where = subject.partition(" ")
        if self.known is not None and host not in self.known:
            return True
        if code in _path_codes():
            measured = self.measured.get(host, frozenset())
            return bool(measured) if where == _MORE else where.partition(" ")[0] in measured
        return host in (self.told if code in _own_codes() else self.together)


@cache
def _path_codes() -> frozenset[str]:
    return frozenset(fault.code for fault in registry()["paths"].faults)


@cache
def _own_codes() -> frozenset[str]:
    """Return the codes that a host finds by itself; all others are seen by looking at many."""
    return frozenset(fault.code for check in registry().values() if not check.surveys for fault in check.faults)


def settle(store: Store, told: Told, *, whole: Iterable[str] = (), known: Iterable[str] | None = None) -> None:
    """Raise and resolve alerts by what hosts told. ``whole``: zones of which all hosts are in it; ``known``: ids of all hosts there are.

    Of a zone that is not whole only what is found of a single host or way counts. Reads once, and writes only when something has changed.
    Raises ``StateError`` when the store fails.
    """
    look = look_of(told, frozenset(whole), None if known is None else frozenset(known))
    with store.read() as rx:
        if not any(_due(rx, look, told.began)):
            return
    with store.write(ACTOR) as tx:  # judged anew: somebody else may have looked at the same time
        raised, resolved = _due(tx, look, told.began)
        for (code, subject), text in raised.items():
            tx.alert(code, subject, text, type=_ALERT_TYPE)
            _audit(tx, subject, text, "ERROR" if look.severities[code] is Severity.ERROR else "WARN")
        for (code, subject), text in resolved.items():
            tx.resolve_alert(code, subject)
            _audit(tx, subject, f"cured: {text}", "INFO")


def _due(rx: ReadTransaction, look: Look, began: float) -> tuple[dict[Key, str], dict[Key, str]]:
    """Return the alerts to be raised, and to be resolved: only those older than the look, since one that began later knows better."""
    rows = {(row.name, row.subject): row for row in rx.all(records.Alert, name=sorted(faults()), resolved=None)}
    raised, resolved = changes(rows, look)
    return raised, {key: rows[key].description for key in resolved if rows[key].sent < began}


def look_of(told: Told, whole: frozenset[str] = frozenset(), known: frozenset[str] | None = None) -> Look:
    """Return what hosts told as alerts would say it."""
    together = frozenset(host.id for host in told.hosts if host.zone in whole)
    found = [(host, each) for host, each in told.diagnosis() if host in together or each.code in _own_codes() | _path_codes()]
    severities = {finding.code: Severity[finding.severity.upper()] for _, finding in found}
    worth = [(host, each) for host, each in found if severities[each.code] > Severity.NOTE and each.code not in _ELSEWHERE]
    return Look(
        {(finding.code, f"{host} {finding.where}"): _text(finding) for host, finding in worth if finding.code in faults()},
        severities,
        told=frozenset(host for host in told.findings if not told.unknown.get(host)),
        measured=_measured(told),
        together=frozenset(host for host in together if told.answers[host].connected),
        known=known,
    )


def _measured(told: Told) -> dict[str, frozenset[str]]:
    """Return host id → VTEPs of which something is known now: the way was measured, or there is none any more."""
    zones, listening = {host.id: host.zone for host in told.hosts}, told.listening
    return {
        host: frozenset(
            {path.remote for path in answer.paths if (zones[host], path.remote) in listening}
            | told.asked.get(host, frozenset()) - {path.remote for path in answer.paths}
        )
        for host, answer in told.answers.items()
    }


def changes(standing: Collection[Key], look: Look) -> tuple[dict[Key, str], list[Key]]:
    """Return which alerts are to be raised, with their text, and which to be resolved. Pure."""
    found = dict(_bounded(standing, look.found))
    raised = {key: text for key, text in found.items() if key not in standing}
    return raised, [key for key in standing if key not in found and look.would_find(key)]


def _bounded(standing: Collection[Key], found: Mapping[Key, str]) -> Iterator[tuple[Key, str]]:
    """Yield what is found, of each code on each host the places that have an alert and some more; the rest is one alert."""
    groups: dict[Key, list[Key]] = {}
    for code, subject in found:
        groups.setdefault((code, subject.partition(" ")[0]), []).append((code, subject))
    for (code, host), keys in groups.items():
        ordered = sorted(keys, key=lambda key: (key not in standing, key))
        yield from ((key, found[key]) for key in ordered[:_PLACES])
        if len(ordered) > _PLACES:
            yield (code, f"{host} {_MORE}"), f"{found[ordered[0]]}; and so on in more places: see vxloom doctor"


def _text(finding: Finding) -> str:
    told = ", ".join(f"{word} {text}" for word, text in (("expected", finding.expected), ("seen", finding.seen)) if text)
    text = f"host {finding.host}: {finding.title} ({finding.where}){': ' if told else ''}{told}; to do: {finding.remedy}"
    return " ".join(text[: 2 * _TEXT].split())[:_TEXT]


def _audit(tx: Transaction, subject: str, text: str, level: str) -> None:
    tx.event(EVENT, text, level=level, resource_type="Host", resource=subject.partition(" ")[0])

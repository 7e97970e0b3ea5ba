"""What hosts told, into the store."""

from __future__ import annotations

from collections.abc import Iterable

from vxloom.server.diagnosis.alerts import settle
from vxloom.server.diagnosis.asking import Told
from vxloom.server.lifecycle import narrow
from vxloom.store import Store


def keep(store: Store, told: Told, *, whole: Iterable[str] = (), known: Iterable[str] | None = None) -> None:
    """Raise and resolve alerts, and keep which paths carry too little. Parameters and errors as :func:`settle`."""
    settle(store, told, whole=whole, known=known)
    listening = told.listening
    measured = {
        (host.id, path.remote): path.limit if path.limit < path.needed else None
        for host in told.hosts
        for path in told.answers[host.id].paths
        if (host.zone, path.remote) in listening
    }
    if measured:
        narrow.keep(store, {host.id: host.zone for host in told.hosts}, measured)
        narrow.judge_again(store)

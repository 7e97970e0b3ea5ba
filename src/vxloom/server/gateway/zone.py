"""One zone's changes on their way to the hosts that need them. Everything but the look into the store happens in the loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from vxloom.model.host import HostDocument
from vxloom.model.wire import Document, encode
from vxloom.server.gateway.reading import Look, Wanted
from vxloom.server.gateway.tables import Segment

_log = logging.getLogger(__name__)
_HOSTS_A_LOOK = 32
"""New hosts served by one look: after a restart all come at once, and the first shall not wait for the last."""


class Subscriber(Protocol):
    """A host's stream, as the feed sees it. Nothing here waits."""

    host: str
    serial: str

    def tell(self, document: bytes, needs: frozenset[int], revision: int) -> None:
        """Take the newest host document (encoded), the VNIs it names, and its revision."""

    def mark(self, vni: int) -> None:
        """Take note that a segment has a newer table."""

    def reached(self, revision: int, nonce: str, *, soon: bool) -> None:
        """Take note that all changes up to this zone revision are marked. ``soon``: some concern this host."""

    def removed(self) -> None:
        """End: the host's row or certificate is gone."""


class Zone:
    """The feed of one zone. ``look`` runs :func:`vxloom.server.gateway.reading.look` in a thread."""

    def __init__(self, zone: str, epoch: str, look: Callable[[Wanted], Awaitable[Look]], *, poll: float, again: float) -> None:
        self.zone = zone
        self.revision: int | None = None
        self.nonce = ""
        self.segments: dict[int, Segment] = {}
        self._epoch = epoch
        self._look = look
        self._poll = poll
        self._again = again
        self._subscribers: dict[str, Subscriber] = {}
        self._needs: dict[str, frozenset[int]] = {}
        self._watchers: dict[int, set[str]] = {}
        self._wanted: dict[str, None] = {}  # ordered: first come, first served
        self._documents: dict[str, HostDocument] = {}
        self._called = asyncio.Event()

    def call(self) -> None:
        """Look into the store now."""
        self._called.set()

    def join(self, subscriber: Subscriber) -> None:
        """Serve a stream from now on; it replaces an older one of the same host."""
        self.leave(subscriber.host)
        self._subscribers[subscriber.host] = subscriber
        self._wanted[subscriber.host] = None
        self.call()

    def leave(self, host: str, subscriber: Subscriber | None = None) -> None:
        """Serve a host no more (given a subscriber: only if it is still that one's)."""
        if subscriber is not None and self._subscribers.get(host) is not subscriber:
            return
        self._subscribers.pop(host, None)
        self._wanted.pop(host, None)
        self._documents.pop(host, None)
        self._needs_now(host, frozenset())

    async def run(self) -> None:
        """Look, publish, wait to be called; for ever. A store that cannot be read is tried again."""
        complained = False
        while True:
            self._called.clear()
            try:
                await self._once()
            except Exception:  # noqa: BLE001 - whatever the store throws at us, the streams live on and the next look may work
                if not complained:
                    _log.exception("zone %s: the store cannot be read; trying again every %g s", self.zone, self._again)
                complained = True
                await asyncio.sleep(self._again)
                continue
            complained = False
            try:
                async with asyncio.timeout(None if not self._subscribers else self._poll):
                    await self._called.wait()
            except TimeoutError:
                pass

    async def _once(self) -> None:
        if not self._subscribers:
            # Nobody listens, so nothing is kept: the next host gets a fresh look instead of a long list of changes.
            self.revision = None
            self.segments.clear()
            return
        hosts = frozenset(list(self._wanted)[:_HOSTS_A_LOOK])
        asked = {host: self._subscribers[host] for host in hosts}
        cached = {segment.network: vni for vni, segment in self.segments.items()}
        found = await self._look(Wanted(self.zone, self.revision, frozenset(self._subscribers), hosts, cached))
        for host, subscriber in asked.items():
            if self._subscribers.get(host) is subscriber:
                self._wanted.pop(host, None)
        self._publish(found, asked)
        if self._wanted:
            self.call()

    def _publish(self, found: Look, asked: dict[str, Subscriber]) -> None:
        concerned = set[str]()
        for vni, table in found.segments.items():
            segment = self.segments.get(vni)
            if segment is None or segment.network != table.head.network:
                self.segments[vni] = Segment(table, self._epoch)
            elif not segment.replace(table):
                continue
            for host in self._watchers.get(vni, ()):
                self._subscribers[host].mark(vni)
                concerned.add(host)
        for host, serials in found.serials.items():
            subscriber = self._subscribers.get(host)
            if subscriber is None:
                continue
            if subscriber.serial not in serials:
                self.leave(host)
                subscriber.removed()
            elif asked.get(host, subscriber) is subscriber and host not in self._wanted:
                if host in found.documents:
                    self._tell(subscriber, found.documents[host])
                concerned.add(host)
        for vni in found.gone | {vni for vni in self.segments if not self._watchers.get(vni)}:
            self.segments.pop(vni, None)
        advanced = found.revision != self.revision
        self.revision, self.nonce = found.revision, found.nonce
        for host, subscriber in self._subscribers.items():
            if host not in self._wanted and (advanced or host in concerned):
                subscriber.reached(found.revision, found.nonce, soon=host in concerned)

    def _tell(self, subscriber: Subscriber, document: HostDocument) -> None:
        needs = frozenset(need.vni for need in document.segments)
        self._needs_now(subscriber.host, needs)
        if self._documents.get(subscriber.host) != document:
            self._documents[subscriber.host] = document
            subscriber.tell(encode(Document(document)), needs, document.revision)

    def _needs_now(self, host: str, needs: frozenset[int]) -> None:
        before = self._needs.pop(host, frozenset())
        for vni in before - needs:
            watchers = self._watchers[vni]
            watchers.discard(host)
            if not watchers:
                del self._watchers[vni]
        for vni in needs - before:
            self._watchers.setdefault(vni, set()).add(host)
        if needs:
            self._needs[host] = needs

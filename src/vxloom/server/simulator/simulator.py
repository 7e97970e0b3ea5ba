"""Which simulated hosts there are, and one stream for each. Their rows are in the store; all else begins anew with the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from vxloom.errors import VxloomError
from vxloom.server.authority import Claimant, simulated
from vxloom.server.simulator.host import SimulatedHost
from vxloom.server.simulator.loopback import Loopback
from vxloom.store import Store, records

_log = logging.getLogger(__name__)
Serve = Callable[[Loopback, Claimant, str, Mapping[int, tuple[int, int]]], Awaitable[None]]
"""Serve one stream to its end: channel, who it is, its zone, and the tables it holds (VNI → revision, digest)."""


class Simulator:
    """The simulated hosts of one server. Everything but :meth:`rows` happens in the loop."""

    def __init__(self, store: Store, serve: Serve, *, again: float) -> None:
        self._store = store
        self._serve = serve
        self._again = again
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="simulator")
        self._hosts: dict[str, SimulatedHost] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def rows(self, *ids: str) -> list[records.Host]:
        """Return the simulated hosts in the store: those of these ids, or all. For a thread."""
        only: dict[str, object] = {"id": ids} if ids else {}
        where = only | {"hypervisor": records.Hypervisor.SIMULATOR}
        with self._store.read() as rx:
            return rx.all(records.Host, order=None, limit=None, offset=0, **where)

    def host(self, host: str) -> SimulatedHost:
        """Return a running host; raises KeyError."""
        return self._hosts[host]

    async def begin(self, rows: Iterable[records.Host]) -> None:
        """Start hosts; when this returns their streams have arrived. One that runs already is left alone."""
        for row in rows:
            if row.id not in self._tasks:
                task = asyncio.create_task(self._run(row))
                self._tasks[row.id] = task
                task.add_done_callback(lambda _, host=row.id: self._ended(host))  # type: ignore[misc]  # mypy cannot see a lambda's default
        await asyncio.sleep(0)  # each task takes its first step, up to the stream's first wait

    async def end(self) -> None:
        """End all of them, and the thread."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._worker.shutdown(wait=True)

    def _ended(self, host: str) -> None:
        self._tasks.pop(host, None)
        self._hosts.pop(host, None)

    async def _run(self, row: records.Host) -> None:
        """Keep a host's stream up until the host is removed; its kernel outlives a stream, as a real one does."""
        host = self._hosts[row.id] = SimulatedHost(self._store.epoch)
        held: Mapping[int, tuple[int, int]] = {}
        while True:
            channel = Loopback(host, row.address or row.vtep, self._worker)
            try:
                await self._serve(channel, simulated(row.id), row.zone, held)
            except VxloomError as error:
                _log.warning("stream of simulated host %s ended: %s", row.name, error)
            except Exception:  # noqa: BLE001 - a defect of ours: this stream ends and is logged, the others live
                _log.exception("stream of simulated host %s ended by a defect", row.name)
            if channel.removed:
                return
            await asyncio.sleep(self._again)
            held = await asyncio.get_running_loop().run_in_executor(self._worker, host.known)

"""An agent's core on a bench (a simulated kernel, or the real one), spoken to as a server speaks: for the laws that concern the agent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.contract.bench import Bench
from tests.waiting import wait_until
from vxloom.agent.core import Core
from vxloom.agent.questions import Look
from vxloom.agent.reconcile import Reconciler
from vxloom.agent.statefile import StateFile
from vxloom.hypervisor.source import Plug
from vxloom.model.host import HostDocument, PortDocument
from vxloom.model.intent import GuestSource
from vxloom.model.segment import SegmentTable
from vxloom.model.wire import Ack, Confirm, Current, Document, FromAgent, Report, Welcome, table_message
from vxloom.settings import AgentSettings


class BenchGuests:
    """Plugs taps in on a bench; they outlive the agent, as namespaces do."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._taps: dict[str, str] = vars(bench).setdefault("guests", {})

    def ensure(self, ports: Sequence[PortDocument], mtus: dict[int, int]) -> tuple[Plug, ...]:
        for port in ports:
            if port.nic not in self._taps:
                self._bench.plug(port.tap)
                self._taps[port.nic] = port.tap
        return tuple(Plug(port.nic, port.tap, "running") for port in ports)

    def remove(self, keep: Sequence[PortDocument], *, prune: bool) -> tuple[str, ...]:
        gone = self._taps.keys() - {port.nic for port in keep}
        for nic in gone:
            self._bench.delete_link(self._taps.pop(nic))
        return tuple(gone)


class Agent:
    """A running core; ``said`` is all it sent."""

    looks: Mapping[str, Look] = MappingProxyType({})
    """What answers questions that the agent itself cannot; set it before the start."""

    def __init__(self, directory: Path, bench: Bench, **settings: object) -> None:
        self.bench = bench
        self.driver = bench.another_driver()
        self.said: list[FromAgent] = []
        self.linked = True
        self._settings = AgentSettings(vtep="192.0.2.1", name="h1", state_dir=directory, **{"resync_seconds": 60.0, **settings})
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.core: Core

    def start(self) -> Agent:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        """As SIGKILL would: no farewell to the kernel (the core has none anyway)."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        guests = BenchGuests(self.bench)
        reconciler = Reconciler(self.driver, {GuestSource.NAMESPACE: guests})
        self.events = self.driver.events()
        self.core = Core(self._settings, "h1", StateFile(self._settings.state_dir), reconciler, self.events, looks=self.looks)
        self.core.send = self._send
        self._task = asyncio.create_task(self.core.run())
        self._ready.set()
        try:
            await self._task
        except asyncio.CancelledError:
            return

    def _send(self, message: FromAgent) -> bool:
        if self.linked:
            self.said.append(message)
        return self.linked

    def do(self, action: Callable[[], None]) -> None:
        """Run something in the agent's loop and wait for it."""
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)

    def meet(self, epoch: str = "e1", *, lineage: bool = True) -> None:
        """A server introduces itself on a new stream."""
        self.do(lambda: self.core.connected(Welcome("host-1", epoch, lineage)))

    def tell(self, document: HostDocument, *tables: SegmentTable, epoch: str = "e1") -> None:
        """A batch of the server: document, tables, current."""

        def say() -> None:
            self.core.received(Document(document))
            for table in tables:
                self.core.received(table_message(table, epoch))
            self.core.received(Current(document.revision, f"n{document.revision}"))

        self.do(say)

    def confirm(self, epoch: str, revision: int) -> None:
        self.do(lambda: self.core.received(Confirm(epoch, revision)))

    def acks(self) -> list[Ack]:
        return [message for message in self.said if isinstance(message, Ack)]

    def reports(self) -> list[Report]:
        return [message for message in self.said if isinstance(message, Report)]

    def await_ack(self, revision: int) -> Ack:
        wait_until(lambda: any(ack.document >= revision for ack in self.acks()), f"ack of document {revision}", seconds=10)
        return next(ack for ack in self.acks() if ack.document >= revision)

    def taps(self) -> set[str]:
        return {name for kind, name in self.bench.driver.observe().resources if kind == "tap"}

    def deaf(self) -> None:
        """From now on no event of the kernel reaches the agent."""
        self.do(lambda: asyncio.get_running_loop().remove_reader(self.events.fileno()))


@contextmanager
def running(directory: Path, bench: Bench, **settings: object):
    """An agent with its state in ``directory``; its threads live where the caller is (its network namespace, too)."""
    agent = Agent(directory, bench, **settings).start()
    try:
        yield agent
    finally:
        agent.stop()

"""The agent's process: wire everything, run until told to stop; or look once and change nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import structlog

from vxloom import notify
from vxloom.agent import contact
from vxloom.agent.core import Core
from vxloom.agent.facts import host_name, underlay
from vxloom.agent.hardware import HardwareWatch
from vxloom.agent.identity import Identity
from vxloom.agent.questions import Look
from vxloom.agent.reconcile import Reconciler, Target
from vxloom.agent.statefile import StateFile
from vxloom.agent.stream import Stream
from vxloom.dataplane.host import HostDataplane
from vxloom.errors import ConfigError
from vxloom.hypervisor.external import LOOKING, ExternalSource
from vxloom.hypervisor.namespace import NamespaceSource
from vxloom.hypervisor.source import Source
from vxloom.model.intent import GuestSource
from vxloom.model.state import HostState
from vxloom.model.wire import FromAgent, Report
from vxloom.planner import render
from vxloom.planner.plan import ALL
from vxloom.settings import AgentSettings

_log = structlog.get_logger("vxloom.agent")


def sources(run_dir: Path) -> dict[GuestSource, Source]:
    """Return the guest sources of a host."""
    return {GuestSource.NAMESPACE: NamespaceSource(run_dir / "guests"), GuestSource.EXTERNAL: ExternalSource()}


async def serve(settings: AgentSettings, looks: Mapping[str, Look] | None = None) -> None:
    """Run the agent until SIGTERM or SIGINT. Traffic goes on when it ends: nothing is taken down.

    ``looks``: what answers the server's questions that the agent itself cannot.
    """
    dataplane = HostDataplane()
    hardware = HardwareWatch(partial(underlay, settings), settings.state_dir / "hardware.json")
    core = Core(
        settings,
        host_name(settings),
        StateFile(settings.state_dir),
        Reconciler(dataplane, sources(settings.run_dir)),
        dataplane.events(),
        hardware,
        looks,
    )
    stream = Stream(settings, Identity.load(settings.state_dir), core)

    def send(message: FromAgent) -> bool:
        if isinstance(message, Report):  # at least every few seconds, from the loop that keeps the stream
            notify.alive(standing(message, stream.problem))
        return stream.send(message)

    core.send, core.leave = send, partial(contact.leave, settings.run_dir)
    tasks = [asyncio.create_task(core.run(), name="core")]
    if settings.server:
        tasks.append(asyncio.create_task(stream.run(), name="stream"))
    else:
        _log.warning("no server is named: what was held is kept and repaired, nothing new comes (give --server or set it in agent.toml)")
    hardware.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(stop.wait())
    # The watch ends with the process: whatever it hangs in must not keep the agent from ending.
    done, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, waiting):
        task.cancel()
    await asyncio.gather(*tasks, waiting, return_exceptions=True)
    for task in done - {waiting}:
        task.result()  # a task that ended by itself ended by an error: it is raised here


def standing(report: Report, unconnected: str) -> str:
    """Return in one line how the agent stands: ``notify.HEALTHY``, or what is wrong. ``unconnected``: why there is no stream, if so."""
    if unconnected:
        return f"no server: {unconnected}"
    if report.holding:
        return f"holding: {report.holding}"
    if report.findings:
        return f"{report.findings[0]} ({len(report.findings)} findings)" if len(report.findings) > 1 else report.findings[0]
    return notify.HEALTHY if report.healthy else "no work gets done"


def observe(settings: AgentSettings) -> tuple[HostState, str]:
    """Return what is on this host and, as text, what the agent would do with its last known word. Changes nothing."""
    held, trouble = StateFile(settings.state_dir).load()
    notes = [f"! {trouble}\n"] if trouble else []
    try:
        dataplane = HostDataplane()
    except ConfigError as error:  # a stock host may lack what only an agent needs
        dataplane = HostDataplane(filters=False)
        notes.append(f"! filters are not looked at: {error}\n")
    try:
        reconciler = Reconciler(dataplane, LOOKING)
        word = held.effective()
        target = Target(word, prune=not (held.holding or held.doubt or trouble))
        reconciler.plug(target, ALL)
        plan, _, observed, refused = reconciler.plan(target, ALL)
    finally:
        dataplane.close()
    if word.document is None:
        return observed, "".join([*notes, "no word of a server on this host: nothing would be done"])
    notes += [f"! port {port.nic} refused: {port.reason}\n" for port in refused]
    return observed, "".join([*notes, render(plan)])

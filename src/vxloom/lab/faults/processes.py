"""Server and agents: killed, frozen."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vxloom.errors import VxloomError
from vxloom.lab import topology
from vxloom.lab.faults.fault import Fault, hypervisor, number
from vxloom.lab.lab import Lab
from vxloom.lab.services import AGENT, SERVER

_STOPPING = 5.0
"""Seconds a signal may take to arrive."""
_OFFSET = "FAKETIME"
"""libfaketime's variable; a process that has it was started with a wrong clock."""


def kill_agent(lab: Lab, node: str) -> str:
    """Kill it as a crash does: SIGKILL."""
    lab.kill(hypervisor(lab, node).name, AGENT, signal.SIGKILL)
    return f"the agent on {node} is dead; `heal` starts it again"


def freeze_agent(lab: Lab, node: str) -> str:
    """It is there and does nothing: SIGSTOP."""
    lab.send_signal(hypervisor(lab, node).name, AGENT, signal.SIGSTOP)
    return f"the agent on {node} is frozen; `heal` lets it go on"


def kill_server(lab: Lab) -> str:
    """Kill it as a crash does: SIGKILL."""
    lab.kill(topology.MANAGEMENT, SERVER, signal.SIGKILL)
    return "the management server is dead; `heal` starts it again"


def clock(lab: Lab, node: str, seconds: str) -> str:
    """The agent is started anew under libfaketime: namespaces have the machine's wall clock."""
    off = number(seconds, "a number of seconds")
    process = lab.process(hypervisor(lab, node).name, AGENT)
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        raise VxloomError("libfaketime is not installed", remedy="apt install libfaketime")
    lab.kill(node, AGENT)
    wrong = {"LD_PRELOAD": str(library), _OFFSET: f"{off:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    lab.start_process(node, AGENT, process.argv, process.env | wrong)
    return f"the clock of the agent on {node} is {abs(off)} s {'ahead' if off > 0 else 'behind'}; `heal` sets it right"


def at_work(lab: Lab) -> str:
    """Frozen agents thawed, clocks right, what was killed started."""
    for process in lab.report().processes:
        if _OFFSET in process.env:
            lab.kill(process.node, process.name)
            right = {key: value for key, value in process.env.items() if "FAKETIME" not in key and key != "LD_PRELOAD"}
            lab.start_process(process.node, process.name, process.argv, right)
    processes = lab.report().processes
    for process in processes:
        if (process.name, process.running) == (AGENT, True):
            lab.send_signal(process.node, AGENT, signal.SIGCONT)
    dead = [process for process in processes if process.name in {AGENT, SERVER} and not process.running]
    for process in dead:
        lab.start_process(process.node, process.name, process.argv, process.env)
    return f"started {', '.join(f'{process.name} on {process.node}' for process in dead)}" if dead else ""


@contextmanager
def agent_paused(lab: Lab, node: str) -> Iterator[None]:
    """The node's agent stands still meanwhile; one that does so already, or is not there, is left as it is."""
    found = [process for process in lab.report().processes if (process.node, process.name, process.running) == (node, AGENT, True)]
    running = [process for process in found if not _is_stopped(process.pid)]
    for process in running:
        lab.send_signal(node, AGENT, signal.SIGSTOP)
        deadline = time.monotonic() + _STOPPING
        while not _is_stopped(process.pid):
            if time.monotonic() > deadline:
                raise VxloomError(f"the agent on {node} does not stand still", remedy="is the machine overloaded?")
            time.sleep(0.001)
    try:
        yield
    finally:
        for _ in running:
            lab.send_signal(node, AGENT, signal.SIGCONT)


FAULTS = (
    Fault("kill-agent", ("NODE",), "Kill the node's agent with SIGKILL.", kill_agent, at_work),
    Fault("freeze-agent", ("NODE",), "Stop the node's agent with SIGSTOP: it is there and does nothing.", freeze_agent, at_work),
    Fault("clock", ("NODE", "SECONDS"), "The clock of the node's agent is so many seconds ahead, behind if negative.", clock, at_work),
    Fault("kill-server", (), "Kill the management server with SIGKILL.", kill_server, at_work),
)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"

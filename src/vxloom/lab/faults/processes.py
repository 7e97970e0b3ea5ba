"""Server and agents: killed, frozen."""

from __future__ import annotations

import signal

from vxloom.lab import topology
from vxloom.lab.faults.fault import Fault, hypervisor
from vxloom.lab.lab import Lab
from vxloom.lab.services import AGENT, SERVER


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


def at_work(lab: Lab) -> str:
    """Frozen agents thawed, what was killed started."""
    processes = lab.report().processes
    for process in processes:
        if (process.name, process.running) == (AGENT, True):
            lab.send_signal(process.node, AGENT, signal.SIGCONT)
    dead = [process for process in processes if not process.running]
    for process in dead:
        lab.start_process(process.node, process.name, process.argv, process.env)
    return f"started {', '.join(f'{process.name} on {process.node}' for process in dead)}" if dead else ""


FAULTS = (
    Fault("kill-agent", ("NODE",), "Kill the node's agent with SIGKILL.", kill_agent, at_work),
    Fault("freeze-agent", ("NODE",), "Stop the node's agent with SIGSTOP: it is there and does nothing.", freeze_agent, at_work),
    Fault("kill-server", (), "Kill the management server with SIGKILL.", kill_server, at_work),
)

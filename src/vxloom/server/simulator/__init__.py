"""Simulated hosts: what an agent does on a hypervisor, done in this process on the simulated driver, for clients, tests and scale runs.

    host       one host: messages in, compile, plan, apply, read back, messages out   (no I/O)
    loopback   stands where a host's TLS connection would                             (loop; the work in one thread for all hosts)
    simulator  which simulated hosts there are, and their streams                     (loop)

The gateway serves them as it serves agents: the same documents and tables, encoded and decoded, the same judgement of acknowledgements.
What differs is said where it shows: hypervisor Simulator, and no frame ever flows.

May import: `vxloom.dataplane.simulated`, `vxloom.compiler`, `vxloom.planner`, `vxloom.model`, `vxloom.store`, `vxloom.server.authority`.
Never: a thread or a socket per host; anything of a real kernel.
"""

from vxloom.server.simulator.simulator import Simulator

__all__ = ["Simulator"]

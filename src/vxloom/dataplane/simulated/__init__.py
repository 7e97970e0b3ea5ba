"""A kernel made of dictionaries, nasty where the real one is, and a driver on it: for laws, simulations and dry runs.

May import: `vxloom.model`, `vxloom.planner`, `vxloom.errors`, the driver's protocol.
Never: anything outside the process (an eventfd wakes those who wait for hints).
"""

from vxloom.dataplane.simulated.driver import SimulatedDriver
from vxloom.dataplane.simulated.kernel import SimulatedKernel

__all__ = ["SimulatedDriver", "SimulatedKernel"]

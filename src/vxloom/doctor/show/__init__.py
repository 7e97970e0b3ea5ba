"""What this host's kernel holds, with the marks of what differs from what the server wants.

Reading order: `look` (the only I/O: one dump of the kernel, and the agent's state on disk) → `marks` (the planner's comparison, by
resource) → `entries` (FDB and flood entries as columns, marked) → `links` and `rows` (the six views). Works on a host that nobody
manages, where everything is foreign. Names of tenants, networks and machines are the server's to add.
"""

from vxloom.doctor.show.look import show

__all__ = ["show"]

"""What this host's hardware says, gathered in a thread of its own that may hang without anybody waiting for it.

    files    reading single values of /sys and /proc: whatever is wrong with one is as if it were not there
    sensors  hwmon chips and thermal zones
    links    the cards and bonds under the tunnel end point, and their counters
    optics   `ethtool -m`, with a deadline
    rates    counters become rates
    memory   what was before: best speeds, offloads at boot
    watch    the thread

May import: as the agent. Never: judge (the server does); start a process in the event loop; raise because a device says nonsense.
"""

from vxloom.agent.hardware.watch import HardwareWatch

__all__ = ["HardwareWatch"]

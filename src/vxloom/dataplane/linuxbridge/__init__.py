"""The driver of the kernel's bridges and VXLAN devices.

Reading order: `links` (what is ours) → `observe` and `tables` (dumps to host state) → `install`, `write_rows`, `remove` (steps to
messages) → `sysctl` → `driver` → `events`. May import what `vxloom.dataplane` may. Never decides what is wanted, and never
writes to a link without our mark, except to a tap it was told to bind and to a stray port of our own bridge.
"""

from vxloom.dataplane.linuxbridge.driver import LinuxBridge

__all__ = ["LinuxBridge"]

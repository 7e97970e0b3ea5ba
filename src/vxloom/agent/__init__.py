"""The process on every hypervisor: desired, reconcile, triggers, report.

May import: `vxloom.model`, `vxloom.compiler`, `vxloom.planner`, `vxloom.dataplane`, `vxloom.hypervisor`, `vxloom.settings`,
`vxloom.errors`.
Never: store, server. One thread writes to the kernel; nothing is withdrawn because the server is silent, older or empty.
"""

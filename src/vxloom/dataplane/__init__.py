"""What a kernel holds and how to change it: one `Driver` (observe, apply, events) per file, one file per transport.

May import: `vxloom.model`, `vxloom.planner`, `vxloom.errors`, `vxloom.settings`. The only importer of ctypes bindings to the outside.
Never: store, server. Never touches an object that does not carry our mark.
"""

"""The API's commands, one file each, discovered by being here.

May import: what `vxloom.server` may.
Never: one another. What two commands share lives in `vxloom.server`.
"""

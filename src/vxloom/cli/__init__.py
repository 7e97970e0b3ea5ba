"""`vxloom …`: one file per command, loaded when it is called.

May import: everything, late.
Never: is imported by another room.
"""

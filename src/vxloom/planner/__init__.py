"""Desired × observed → an ordered plan, and a plan as text.

May import: `vxloom.model`, `vxloom.errors`, numpy, msgspec.
Never: input or output of any kind, a clock, a log; knowledge of a kind of resource beyond what the resource says of itself.
"""

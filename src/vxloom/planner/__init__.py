"""Desired × observed → an ordered plan, and a plan as text.

May import: `vxloom.model`, `vxloom.errors`, numpy, msgspec.
Never: input or output of any kind, a clock, a log; knowledge of a kind of resource beyond what the resource says of itself.
"""

from vxloom.planner.compare import changed_fields, diff
from vxloom.planner.scope import widen
from vxloom.planner.text import render

__all__ = ["changed_fields", "diff", "render", "widen"]

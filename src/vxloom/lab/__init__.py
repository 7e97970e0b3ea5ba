"""A cloud of many hosts on one machine: namespaces as hypervisors, a routed underlay, faults on demand.

Reading order: ``topology`` (what there is) → ``supervisor`` (the process that owns it) → ``holder`` (the process that is
a node) → ``rootfs`` (what a node sees) → ``lab`` and ``node`` (what a caller holds) → ``services`` and ``faults``.

May import: everything. Nobody outside asks whether it runs in a lab.
Never: touches the real machine's links, routes, rules or files.
"""

from vxloom.lab.lab import Lab
from vxloom.lab.node import CommandError, Node, NodeProcess, Place

__all__ = ["CommandError", "Lab", "Node", "NodeProcess", "Place"]

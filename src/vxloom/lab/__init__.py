"""A cloud of many hosts on one machine: namespaces as hypervisors, a routed underlay, faults on demand.

May import: everything. Nobody outside asks whether it runs in a lab.
Never: touches the real machine's links, routes, rules or files.
"""

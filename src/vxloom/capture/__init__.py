"""Captured tunnel packets, told to a person: decoded by tshark, held against what the host is told, a line each and a summary.

May import: `vxloom.model`, `vxloom.errors`. Never: server, store, agent, dataplane. Only `decode` starts a process; the rest is pure.
"""

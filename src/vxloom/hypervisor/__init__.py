"""Who is plugged in here: sources of guests (`namespace`, `external`), each telling which tap belongs to which nic.

May import: `vxloom.model`, `vxloom.errors`, `vxloom.settings`.
Never: store, server. Never decides what a tap may send; that is compiled.
"""

"""The nouns: addresses, intent, segment tables, host state, reports, and the form they take on the wire.

May import: the standard library's pure parts, msgspec, numpy, `vxloom.errors`.
Never: input or output of any kind, a clock, a log, random numbers, another room.
"""

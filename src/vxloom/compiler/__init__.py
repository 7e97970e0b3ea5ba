"""Intent in, complete desired state out: `compile_segments` on the server, `compile_host` on the host, `validate` and `trace` beside them.

May import: `vxloom.model`, `vxloom.errors`, numpy, msgspec.
Never: input or output of any kind, a clock, a log, another room. The passes are one explicit ordered tuple.
"""

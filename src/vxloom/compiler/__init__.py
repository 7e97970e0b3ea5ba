"""Intent in, complete desired state out: `compile_segments` on the server, `compile_host` on the host, `validate` and `trace` beside them.

May import: `vxloom.model`, `vxloom.errors`, numpy, msgspec.
Never: input or output of any kind, a clock, a log, another room. The passes are one explicit ordered tuple.
"""

from vxloom.compiler.document import compile_document
from vxloom.compiler.host import admit, compile_host
from vxloom.compiler.segments import compile_segments

__all__ = ["admit", "compile_document", "compile_host", "compile_segments"]

"""The gateway: one mutually authenticated TLS stream per agent, and what flows over it.

    door        how many strangers may stand in it at once         (loop)
    connection  framing and deadlines of one TCP connection        (bytes)
    admission   who may speak: join, hello, renewal                 (store, in a thread)
    tables      compiled segments, each encoded once per change     (no I/O)
    reading     one consistent look into the store, compiled        (store, in a thread)
    zone        which host needs what: dirty sets per stream        (loop)
    stream      one host's stream: what is sent next, what came     (loop)
    ledger      acknowledgements, presence, alerts, on their way to the store in batches
    gateway     listens, owns the rest, answers the API

May import: `vxloom.store`, `vxloom.compiler`, `vxloom.model`; of `vxloom.server`: `authority`, `health`,
`simulator`, `lifecycle.hypervisors`.
Never: waits for a host while holding anything another host needs; keeps a queue that a silent host could fill.
"""

from vxloom.server.gateway.gateway import Gateway
from vxloom.server.gateway.timing import Timing

__all__ = ["Gateway", "Timing"]

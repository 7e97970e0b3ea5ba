"""Messages between agent and gateway: length-prefixed MessagePack (4 bytes, big-endian, at most 64 MiB).

Every message is a tagged struct; the tag names it. ``SCHEMA`` grows when an old reader would misread. A peer of a
newer schema is refused with a message that says which side to upgrade. Tables travel as the bytes of their columns.
"""

from __future__ import annotations

import msgspec
import numpy as np

from vxloom.errors import StateError
from vxloom.model.hardware import Hardware
from vxloom.model.host import HostDocument
from vxloom.model.rows import ADDRESS, MEMBER, PORT, Rows
from vxloom.model.segment import SegmentChanges, SegmentHead, SegmentTable

SCHEMA = 1
MAX_MESSAGE = 64 * 1024 * 1024


class _Message(msgspec.Struct, frozen=True, tag=lambda name: name.lower(), tag_field="t", omit_defaults=True):
    pass


# --- agent → gateway -----------------------------------------------------------------------------------------------


class Join(_Message, frozen=True):
    """First contact, over TLS checked by the CA's fingerprint only: a one-time token and a CSR (PEM)."""

    token: str
    csr: str
    name: str
    schema: int = SCHEMA


class Hello(_Message, frozen=True):
    """First message of a stream: what the agent holds, so that only what is missing is sent."""

    name: str
    vtep: str
    epoch: str
    revision: int
    """Zone revision the agent last reached, 0 for none."""
    nonce: str
    """The nonce that came with that revision: proves that the store still has the same history."""
    segments: dict[int, tuple[int, int]]
    """VNI → (revision, digest) held."""
    schema: int = SCHEMA
    version: str = ""
    labels: dict[str, str] = {}
    """Traffic label → state of the device it names ("bridge", "interface", "missing")."""
    facts: dict[str, str] = {}
    """Kernel, cores, memory, MTU of the underlay interface ("underlay_mtu")…"""


class Ack(_Message, frozen=True):
    """Read back from the kernel and found as told, up to these revisions."""

    document: int
    """Host document's revision."""
    segments: dict[int, int]
    """VNI → revision."""
    absent: tuple[int, ...] = ()
    """VNIs of which nothing of ours is left on this host."""
    absent_ports: tuple[str, ...] = ()
    """NIC ids of tombstones of which nothing is left on this host."""
    problems: tuple[str, ...] = ()


class GuestReport(msgspec.Struct, frozen=True):
    """A port's guest as the hypervisor source sees it."""

    nic: str
    state: str
    """"running", "stopped", "absent"."""


class Report(_Message, frozen=True):
    """Health and findings; kept in memory by the gateway, never in the shared store."""

    healthy: bool
    holding: str = ""
    """Why nothing is pruned at present (law 6); empty when all is well."""
    findings: tuple[str, ...] = ()
    repairs: int = 0
    guests: tuple[GuestReport, ...] = ()
    counters: dict[str, int] = {}
    hardware: Hardware | None = None
    """What the hardware says, where that is something new; None: as told before on this stream."""


class Claim(_Message, frozen=True):
    """A shared address was announced (GARP, NA, VRRP) on a tap of this NIC."""

    nic: str
    address: str
    """An IP or a MAC."""


class Answer(_Message, frozen=True):
    """Reply to :class:`Ask`."""

    id: int
    body: bytes
    """JSON."""
    error: str = ""


class Renew(_Message, frozen=True):
    """Ask for a new certificate of the same host, on the authenticated stream."""

    csr: str


class SegmentWanted(_Message, frozen=True):
    """A delta did not fit: send this segment's snapshot."""

    vni: int


class Beat(_Message, frozen=True):
    """Sign of life, both ways."""


# --- gateway → agent -----------------------------------------------------------------------------------------------


class Joined(_Message, frozen=True):
    """The host's certificate and the CA's (PEM)."""

    certificate: str
    authority: str
    host: str


class Refused(_Message, frozen=True):
    """Why the stream ends, and what to do. ``final``: retrying does not help."""

    reason: str
    final: bool = False


class Welcome(_Message, frozen=True):
    """Answer to :class:`Hello`."""

    host: str
    epoch: str
    lineage: bool
    """The store knows the agent's revision and nonce: same history. False: hold (law 6)."""
    schema: int = SCHEMA
    silence: float = 15.0
    """Seconds without a word after which the server gives an agent up; both sides speak three times as often."""


class Document(_Message, frozen=True):
    """The host document."""

    document: HostDocument


class Table(_Message, frozen=True):
    """A segment's snapshot."""

    head: SegmentHead
    revision: int
    digest: int
    members: bytes
    ports: bytes
    addresses: bytes


class Delta(_Message, frozen=True):
    """A segment's changes."""

    head: SegmentHead
    from_revision: int
    to_revision: int
    digest: int
    removed: tuple[bytes, bytes, bytes]
    added: tuple[bytes, bytes, bytes]


class Current(_Message, frozen=True):
    """All of this host's changes up to this zone revision have been sent before this message."""

    revision: int
    nonce: str


PLAN = "plan"
FINDINGS = "findings"
LISTEN = "listen"
"""Answer other hosts' probes for a while."""
SHOW = "show"
"""What the kernel holds, as a :class:`vxloom.model.show.Query` asks for it."""
PATHS = "paths"
"""Measure the way to every other VTEP of the host's segments."""
WHY = "why"
"""Tell what the kernel holds about two NICs: ``about`` is a :class:`vxloom.model.pair.Pair`."""
CAPTURE = "capture"
"""Capture tunnel packets, about a :class:`vxloom.model.capture.CaptureOrder`."""
PACKET = "packet"
"""Look for marked packets, send them, tell what was seen: ``about`` is a :class:`vxloom.model.packet.Order`."""


class Ask(_Message, frozen=True):
    """A question to the agent: ``what`` is one of the words above; an agent that does not know it answers with the plan."""

    id: int
    what: str
    about: bytes = b""
    """What exactly, where the word does not say it all; JSON."""


class Confirm(_Message, frozen=True):
    """A person confirmed (``vxloom host confirm``): under this epoch, what was sent is the truth; prune."""

    epoch: str
    revision: int


class Certificate(_Message, frozen=True):
    """Answer to :class:`Renew`."""

    certificate: str


FromAgent = Join | Hello | Ack | Report | Claim | Answer | Renew | SegmentWanted | Beat
FromGateway = Joined | Refused | Welcome | Document | Table | Delta | Current | Ask | Confirm | Certificate | Beat

_encoder = msgspec.msgpack.Encoder()
_from_agent: msgspec.msgpack.Decoder[FromAgent] = msgspec.msgpack.Decoder(FromAgent)
_from_gateway: msgspec.msgpack.Decoder[FromGateway] = msgspec.msgpack.Decoder(FromGateway)


def encode(message: FromAgent | FromGateway) -> bytes:
    """Return a message with its length prefix, ready to send (and to be sent to many: encode once)."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


def decode_from_agent(body: bytes) -> FromAgent:
    """Return the message; raises :class:`StateError` on anything this schema does not know."""
    try:
        return _from_agent.decode(body)
    except msgspec.DecodeError as error:
        raise StateError(f"message from agent not understood: {error}", remedy="upgrade the older side") from error


def decode_from_gateway(body: bytes) -> FromGateway:
    """Return the message; raises :class:`StateError` on anything this schema does not know."""
    try:
        return _from_gateway.decode(body)
    except msgspec.DecodeError as error:
        raise StateError(f"message from server not understood: {error}", remedy="upgrade the older side") from error


def table_message(table: SegmentTable, epoch: str) -> Table:
    """Return a segment's snapshot as a message."""
    return Table(
        table.head,
        table.revision,
        table.digest(epoch),
        table.members.tobytes(),
        table.ports.tobytes(),
        table.addresses.tobytes(),
    )


def table_of(message: Table, epoch: str) -> SegmentTable:
    """Return the table of a snapshot; raises :class:`StateError` when torn."""
    table = SegmentTable(
        message.head,
        message.revision,
        _rows(message.members, MEMBER),
        _rows(message.ports, PORT),
        _rows(message.addresses, ADDRESS),
    )
    if table.digest(epoch) != message.digest:
        raise StateError(f"segment {table.vni}: snapshot's digest differs", remedy="it is asked for again")
    return table


def delta_message(delta: SegmentChanges) -> Delta:
    """Return changes as a message."""
    return Delta(delta.head, delta.from_revision, delta.to_revision, delta.digest, _packed(delta.removed), _packed(delta.added))


def delta_of(message: Delta) -> SegmentChanges:
    """Return the changes of a message; raises :class:`StateError` when torn."""
    return SegmentChanges(
        message.head,
        message.from_revision,
        message.to_revision,
        message.digest,
        _unpacked(message.removed),
        _unpacked(message.added),
    )


def _packed(tables: tuple[Rows, Rows, Rows]) -> tuple[bytes, bytes, bytes]:
    return tables[0].tobytes(), tables[1].tobytes(), tables[2].tobytes()


def _unpacked(blobs: tuple[bytes, bytes, bytes]) -> tuple[Rows, Rows, Rows]:
    return _rows(blobs[0], MEMBER), _rows(blobs[1], PORT), _rows(blobs[2], ADDRESS)


def _rows(blob: bytes, dtype: np.dtype[np.void]) -> Rows:
    if len(blob) % dtype.itemsize:
        raise StateError("a table was cut short on the wire", remedy="it is asked for again")
    return np.frombuffer(blob, dtype)

"""A captured packet as a value, made from the fields that tshark gives. Pure.

tshark lists the layers of a frame, the outermost first, and the values of every field in that order. So a walk along the layers finds which
address is the tunnel's, which the guest's and which one of a packet that ICMP quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FIELDS = (
    "frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols",
    "eth.src", "eth.dst", "vlan.id",
    "ip.src", "ip.dst", "ip.id", "ip.len", "ip.flags.df", "ip.flags.mf", "ip.frag_offset",
    "ipv6.src", "ipv6.dst", "ipv6.plen", "ipv6.fraghdr.ident", "ipv6.fraghdr.more", "ipv6.fraghdr.offset",
    "udp.srcport", "udp.dstport", "udp.checksum", "tcp.srcport", "tcp.dstport",
    "vxlan.flags", "vxlan.vni",
    "icmp.type", "icmp.code", "icmp.mtu", "icmpv6.type", "icmpv6.code", "icmpv6.mtu",
    "_ws.malformed", "_ws.col.Protocol", "_ws.col.Info",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outer:
    """The headers of a tunnel packet up to UDP. Ports are 0 where they are not in the packet: in later fragments."""

    source: str
    target: str
    size: int = 0
    """Bytes of the IP packet, or of this fragment."""
    ident: int = 0
    df: bool = False
    """IPv6 packets cannot be fragmented on the way either (RFC 8200 section 5)."""
    more: bool = False
    offset: int = 0
    """Of a fragment, in eights of bytes; ``more`` or an offset makes it one."""
    source_port: int = 0
    target_port: int = 0
    checksum: int | None = None

    @property
    def fragment(self) -> bool:
        return self.more or self.offset > 0


@dataclass(frozen=True, slots=True)
class Inner:
    """The frame inside."""

    source: str
    target: str
    vlan: int | None = None
    source_ip: str = ""
    target_ip: str = ""
    source_port: int = 0
    target_port: int = 0

    @property
    def flow(self) -> tuple[object, ...]:
        """What a sender spreads flows over ways by."""
        return (self.source, self.target, self.source_ip, self.target_ip, self.source_port, self.target_port)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What ICMP says of a packet that could not be delivered."""

    teller: str
    told: str
    mtu: int | None
    """What fits, where it did not (RFC 1191, RFC 4443); None: it could not be delivered at all."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. With a ``refusal``, all but time and length are of the packet that it is about."""

    number: int
    time: float
    length: int
    whole: bool
    """Nothing of it was left out by the snap length."""
    outer: Outer | None
    vni: int | None = None
    strict: bool = True
    """The VXLAN header's flags are as RFC 7348 has them: the I flag, and no other."""
    inner: Inner | None = None
    refusal: Refusal | None = None
    malformed: bool = False
    protocol: str = ""
    info: str = ""


class _Row:
    """The fields of one frame; each value is given once, in order."""

    def __init__(self, line: str) -> None:
        cells = line.rstrip("\n").split("\t", len(FIELDS) - 1)
        if len(cells) != len(FIELDS):
            raise ValueError(f"{len(cells)} fields")
        self.malformed, self.protocol, self.info = bool(cells[-3]), cells[-2], _printable(cells[-1])
        self._values = {name: iter(cell.split(",")) for name, cell in zip(FIELDS, cells[:-3], strict=False) if cell}

    def text(self, name: str) -> str:
        values = self._values.get(name)
        return next(values, "") if values is not None else ""

    def number(self, name: str) -> int | None:
        text = self.text(name)
        return int(text, 0) if text else None

    def count(self, name: str) -> int:
        return self.number(name) or 0


def read(line: str) -> Packet:
    """Return the packet of a line of tshark's, tab-separated :data:`FIELDS`. Raises :class:`ValueError` for anything else."""
    row = _Row(line)
    number, time, length, captured = (
        row.count("frame.number"),
        float(row.text("frame.time_epoch")),
        row.count("frame.len"),
        row.count("frame.cap_len"),
    )
    layers = [layer for layer in row.text("frame.protocols").split(":") if layer != "ethertype"]
    outer, rest, refusal = None, layers, None
    while rest:
        layer, rest = rest[0], rest[1:]
        if layer == "eth":
            row.text("eth.src"), row.text("eth.dst")
        elif layer == "vlan":
            row.text("vlan.id")
        elif layer in {"ip", "ipv6"}:
            outer, rest = _outer(row, layer, rest)
            refusal, rest = _refusal(row, outer, rest) if refusal is None else (refusal, rest)
        elif layer == "vxlan":
            break
    else:
        return Packet(
            number, time, length, captured >= length, outer, refusal=refusal, malformed=row.malformed, protocol=row.protocol, info=row.info
        )
    flags, vni = row.number("vxlan.flags"), row.number("vxlan.vni")
    return Packet(
        number,
        time,
        length,
        captured >= length,
        outer,
        vni,
        flags == 0x0800,
        _inner(row, rest),
        refusal,
        row.malformed,
        row.protocol,
        row.info,
    )


def _outer(row: _Row, layer: str, rest: Sequence[str]) -> tuple[Outer, list[str]]:
    """Return the headers from IP to UDP, and the layers behind them."""
    left = list(rest)
    if layer == "ip":
        source, target, ident, size = row.text("ip.src"), row.text("ip.dst"), row.count("ip.id"), row.count("ip.len")
        df, more, offset = bool(row.count("ip.flags.df")), bool(row.count("ip.flags.mf")), row.count("ip.frag_offset")
    else:
        source, target, size = row.text("ipv6.src"), row.text("ipv6.dst"), row.count("ipv6.plen") + 40
        ident, df, more, offset = 0, True, False, 0
        if left[:1] == ["ipv6.fraghdr"]:
            left = left[1:]
            ident, more, offset = row.count("ipv6.fraghdr.ident"), bool(row.count("ipv6.fraghdr.more")), row.count("ipv6.fraghdr.offset")
    ports: tuple[int, int] = (0, 0)
    checksum: int | None = None
    if left[:1] == ["udp"]:
        ports, checksum, left = (row.count("udp.srcport"), row.count("udp.dstport")), row.number("udp.checksum"), left[1:]
    return Outer(source, target, size, ident, df, more, offset, *ports, checksum), left


def _refusal(row: _Row, outer: Outer, rest: list[str]) -> tuple[Refusal | None, list[str]]:
    """Return what an ICMP error says, and the layers of the packet it quotes; any other layer is left."""
    if rest[:1] == ["icmp"]:
        kind, code, mtu = row.number("icmp.type"), row.number("icmp.code"), row.number("icmp.mtu")
        if kind == 3:
            return Refusal(outer.source, outer.target, (mtu or 0) if code == 4 else None), rest[1:]
    elif rest[:1] == ["icmpv6"]:
        kind, _, mtu = row.number("icmpv6.type"), row.number("icmpv6.code"), row.number("icmpv6.mtu")
        if kind in {1, 2}:
            return Refusal(outer.source, outer.target, (mtu or 0) if kind == 2 else None), rest[1:]
    return None, rest


def _inner(row: _Row, layers: Sequence[str]) -> Inner | None:
    if "eth" not in layers[:1]:
        return None
    source, target = row.text("eth.src"), row.text("eth.dst")
    vlan, ends, ports = None, ("", ""), (0, 0)
    for layer in layers[1:]:
        if layer == "vlan":
            vlan = vlan if vlan is not None else row.number("vlan.id")
        elif layer in {"ip", "ipv6"}:
            ends = (row.text(f"{layer}.src"), row.text(f"{layer}.dst"))
        elif layer in {"udp", "tcp"}:
            ports = (row.count(f"{layer}.srcport"), row.count(f"{layer}.dstport"))
        if layer not in {"vlan", "ip", "ipv6"}:
            break
    return Inner(source, target, vlan, *ends, *ports)


def _printable(text: str) -> str:
    """What guests send decides what stands here: nothing of it may move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)

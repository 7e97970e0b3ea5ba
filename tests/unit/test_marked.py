"""Marked packets are whole, the sender's own, and are known again wherever they come by."""

from __future__ import annotations

import ipaddress

import pytest

from vxloom.dataplane.marked import frames, read
from vxloom.dataplane.probe_frames import checksum
from vxloom.model.packet import COUNT, Kind
from vxloom.model.pair import End

MARK = bytes.fromhex("0123456789abcdef")


def end(number: int, *ips: str) -> End:
    return End(vm=f"vm{number}", nic=f"n{number}", mac=f"02:00:00:00:00:0{number}", ips=ips, host=f"h{number}", vtep=f"192.0.2.{number}")


BOTH = [
    ((end(1, "10.1.1.1", "fd00::1"), end(2, "fd00::2", "10.1.1.2")), "10.1.1.1", "10.1.1.2"),
    ((end(1, "10.1.1.1", "fd00::1"), end(2, "fd00::2")), "fd00::1", "fd00::2"),
    ((end(1), end(2)), "0.0.0.0", "0.0.0.0"),
]


def sum_is_right(packet: bytes) -> bool:
    """Whether IP's own checksum and that of what it carries are right: the sum over them with the checksum is nothing."""
    if packet[0] >> 4 == 4:
        body, protocol, addresses = packet[20:], packet[9], packet[12:20]
        assert checksum([packet[:20]]) == 0xFFFF
    else:
        body, protocol, addresses = packet[40:], packet[6], packet[8:40]
    pseudo = b"" if protocol == 1 else addresses + len(body).to_bytes(4, "big") + protocol.to_bytes(4, "big")
    return checksum([pseudo, body]) == 0xFFFF


@pytest.mark.parametrize(("ends", "source", "target"), BOTH, ids=["IPv4 first", "IPv6 where both have only that", "no address"])
def test_a_packet_has_the_senders_addresses_and_is_known_again(ends: tuple[End, End], source: str, target: str) -> None:
    made = list(frames(MARK, ends[0], ends[1], 1))
    known = [read(frame[14:], MARK) for frame in made]
    assert known == [(False, 1, kind, number) for number in range(COUNT) for kind in (Kind.UNICAST, Kind.BROADCAST)]
    version = ipaddress.ip_address(source).version
    for frame, (_, _, kind, _) in zip(made, filter(None, known), strict=True):
        packet = frame[14:]
        assert frame[6:12] == b"\2\0\0\0\0\1"
        assert bool(frame[0] & 1) is (kind is Kind.BROADCAST)
        assert int.from_bytes(frame[12:14], "big") == (0x0800 if version == 4 else 0x86DD)
        sender, to = (packet[12:16], packet[16:20]) if version == 4 else (packet[8:24], packet[24:40])
        assert sender == ipaddress.ip_address(source).packed
        assert kind is Kind.BROADCAST or to == ipaddress.ip_address(target).packed
        assert sum_is_right(packet)


@pytest.mark.parametrize("outer", [b"\x45" + bytes(19), b"\x60" + bytes(39)], ids=["IPv4", "IPv6"])
def test_a_packet_is_known_again_in_a_tunnel(outer: bytes) -> None:
    for ends, _, _ in BOTH:
        inner = next(frames(MARK, *ends, 0))
        assert read(outer + bytes(16) + inner, MARK) == (True, 0, Kind.UNICAST, 0)


@pytest.mark.parametrize(("version", "kind"), [(4, 0), (6, 129)])
def test_a_guests_answer_is_told_from_what_was_sent(version: int, kind: int) -> None:
    packet = bytearray(next(frames(MARK, *BOTH[0 if version == 4 else 1][0], 0))[14:])
    packet[20 if version == 4 else 40] = kind
    assert read(bytes(packet), MARK) == (False, 0, Kind.ANSWER, 0)


def test_anything_else_is_not_ours() -> None:
    packet = next(frames(MARK, *BOTH[0][0], 0))[14:]
    for other in (b"", b"\x45", packet[:36], packet.replace(MARK, bytes(8)), b"\x00" + packet[1:]):
        assert read(other, MARK) is None

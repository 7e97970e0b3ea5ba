"""The ring of captured packets, and the filter that fills it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import captures as made
from vxloom.dataplane.capture.filter import expression
from vxloom.dataplane.capture.ring import Ring
from vxloom.errors import StateError
from vxloom.model.capture import CaptureOrder

PACKETS = [made.tunnel(made.inner(port)) for port in range(1000, 1010)]
FILE = made.pcap(*PACKETS)
RECORD = 16 + len(PACKETS[0])


@pytest.mark.parametrize("piece", [1, 7, 100, 100_000])
def test_pieces_of_any_size_are_put_together(piece: int) -> None:
    ring = Ring(1 << 20)
    for place in range(0, len(FILE), piece):
        ring.feed(FILE[place : place + piece])
    assert ring.pcap() == FILE
    assert (ring.packets, ring.pushed_out) == (10, 0)


def test_the_newest_are_kept_within_the_size() -> None:
    ring = Ring(3 * RECORD + 5)
    ring.feed(FILE)
    assert ring.pcap() == FILE[:24] + FILE[-3 * RECORD :]
    assert (ring.packets, ring.pushed_out) == (3, 7)


def test_what_is_no_pcap_is_refused() -> None:
    with pytest.raises(StateError):
        Ring(100).feed(b"x" * 100)
    with pytest.raises(StateError):
        Ring(100).feed(FILE[:32] + b"\xff\xff\xff\x7f" + FILE[36:])


def taken(order: CaptureOrder, folder: Path, *packets: bytes) -> int:
    """How many of them libpcap lets through."""
    file = folder / "all.pcap"
    file.write_bytes(made.pcap(*packets))
    shown = subprocess.run(["tcpdump", "-n", "-r", file, "-w", "-", expression(order, 4789)], check=True, capture_output=True).stdout
    ring = Ring(1 << 20)
    ring.feed(shown)
    return ring.packets


def test_the_filter_takes_all_that_has_to_do_with_tunnels_and_nothing_else(tmp_path: Path) -> None:
    everything = CaptureOrder()
    first, later = made.fragments(made.tunnel(made.inner(size=400)), 200)
    large = made.tunnel6(made.inner(size=1400))
    wanted = [made.tunnel(), made.tunnel(ports=(1, 8472)), made.tunnel(ports=(1, 9999)), made.tunnel6(), first, later]
    wanted += [made.refusal(made.tunnel(), mtu=1400), made.refusal(made.tunnel()), made.too_big6(large, 1400)]
    assert [taken(everything, tmp_path, packet) for packet in wanted] == [1] * len(wanted)
    others = [made.PING, made.inner(), made.inner(53)]
    assert taken(everything, tmp_path, *others) == 0


def test_a_vni_and_a_mac_narrow_it_down_in_the_kernel(tmp_path: Path) -> None:
    theirs = made.PING.replace(bytes.fromhex("020000000001"), bytes.fromhex("020000000009"))
    ours, elsewhere, strangers = made.tunnel(), made.tunnel(vni=7), made.tunnel(theirs)
    assert taken(CaptureOrder(vnis=(made.VNI,)), tmp_path, ours, elsewhere, made.tunnel6(), made.refusal(ours)) == 3
    assert taken(CaptureOrder(macs=(made.GUEST,)), tmp_path, ours, strangers, made.tunnel6()) == 2
    assert taken(CaptureOrder(macs=(made.OTHER,)), tmp_path, ours, strangers) == 2
    assert taken(CaptureOrder(vnis=(7,), macs=(made.GUEST,)), tmp_path, ours, elsewhere) == 1

"""Packets as tshark decodes them, and what is said of each."""

from __future__ import annotations

import msgspec
import pytest

from tests import captures as made
from tests.kernel import frames
from vxloom.capture.decode import decode
from vxloom.capture.flags import Seen, Selection, judged
from vxloom.capture.summary import legend, line, row, summed
from vxloom.model.capture import Known

KNOWN = Known(vtep=made.HOST, vteps=(made.HOST, made.HOST6, made.PEER, made.PEER6), segments={made.VNI: (0, 1, 2, 3), 5002: (0,)})
ALL = Selection()


def seen(*packets: bytes, known: Known = KNOWN, selection: Selection = ALL) -> tuple[Seen, ...]:
    return judged(decode(made.pcap(*packets), frozenset({known.port}), 1000).packets, known, selection)[0]


def flags(*packets: bytes, known: Known = KNOWN) -> list[tuple[str, ...]]:
    return [each.flags for each in seen(*packets, known=known)]


def test_a_tunnel_packet_is_decoded_outside_and_inside() -> None:
    (each,) = seen(made.tunnel(df=True))
    outer, inner = each.packet.outer, each.packet.inner
    assert outer is not None
    assert (outer.source, outer.source_port, outer.target, outer.target_port, outer.df) == (made.HOST, 50000, made.PEER, 4789, True)
    assert inner is not None
    assert (inner.source, inner.target, inner.source_ip, inner.target_ip) == (made.GUEST, made.OTHER, "10.1.1.11", "10.1.1.12")
    assert each.packet.vni == made.VNI
    assert each.flags == ()
    assert line(each).startswith(
        "22:13:20.000000 vni 5001 192.0.2.1.50000 > 192.0.2.2.4789 | 02:00:00:00:00:01 > 02:00:00:00:00:02 10.1.1.11 > 10.1.1.12 ICMP Echo"
    )


def test_an_outer_ipv6_and_an_inner_ipv4_are_not_mixed_up() -> None:
    (each,) = seen(made.tunnel6(checksum=0x1234))
    assert each.packet.outer is not None
    assert each.packet.inner is not None
    assert (each.packet.outer.source, each.packet.inner.source_ip) == (made.HOST6, "10.1.1.11")
    assert each.flags == ()


def test_a_tag_inside_is_told() -> None:
    tagged = frames.ethernet(made.OTHER, made.GUEST, frames.VLAN, b"\x00\x05\x08\x00" + made.PING[14:])
    (each,) = seen(made.tunnel(tagged))
    assert each.packet.inner is not None
    assert (each.packet.inner.vlan, each.packet.inner.source_ip) == (5, "10.1.1.11")


def test_fragments_are_flagged_the_later_ones_too() -> None:
    first, later = made.fragments(made.tunnel(made.inner(size=400)), 200)
    one, other = seen(first, later)
    assert (one.flags, other.flags) == (("fragment",), ("fragment",))
    assert (one.packet.vni, other.packet.vni) == (made.VNI, None)
    assert "later fragment, at byte 200" in line(other)


def test_a_later_fragment_belongs_to_its_first_where_no_vtep_is_known_either() -> None:
    assert flags(*made.fragments(made.tunnel(made.inner(size=400)), 200), known=Known()) == [("fragment",), ("fragment",)]


def test_fragments_of_others_are_no_business_of_ours() -> None:
    _, later = made.fragments(made.tunnel(made.inner(size=400), source="198.51.100.1", target="198.51.100.2"), 200)
    assert seen(later) == ()


def test_what_icmp_says_is_flagged_and_marks_what_it_is_about() -> None:
    large = made.tunnel(made.inner(size=1400), df=True)
    told = made.refusal(large, mtu=1400)
    small = made.tunnel(df=True)
    found = seen(large, told, small)
    assert [each.flags for each in found] == [("df-drop",), ("frag-needed",), ()]
    assert found[1].packet.vni == made.VNI
    assert "192.0.2.254 > 192.0.2.1 ICMP" in line(found[1])
    assert "(fits: 1400), of 1478 bytes, vni 5001 192.0.2.1.50000 > 192.0.2.2.4789" in line(found[1])


def test_ipv6_packet_too_big_is_the_same() -> None:
    large = made.tunnel6(made.inner(size=1400), checksum=1)
    assert flags(large, made.too_big6(large, 1400)) == [("df-drop",), ("frag-needed",)]


def test_a_closed_port_is_unreachable_even_when_icmp_quotes_no_more_than_it_must() -> None:
    (each,) = seen(made.refusal(made.tunnel(), teller=made.PEER, quoted=28))
    assert each.flags == ("unreachable",)
    assert each.packet.vni is None


def test_what_icmp_says_of_others_is_left_out() -> None:
    other = frames.udp4(made.MINE, made.THEIRS, made.HOST, made.PEER, (4000, 53))
    assert seen(made.refusal(other)) == ()


def test_a_missing_checksum_matters_over_ipv6_only() -> None:
    assert flags(made.tunnel(), made.tunnel6(checksum=0)) == [(), ("zero-checksum",)]


@pytest.mark.parametrize("port", [8472, 6081, 53, 40_000])
def test_vxlan_on_any_other_port_is_found(port: int) -> None:
    (each,) = seen(made.tunnel(ports=(50000, port)))
    assert each.flags == ("wrong-port",)
    assert each.packet.vni == made.VNI


def test_what_only_could_be_vxlan_is_not() -> None:
    zeros = frames.udp4(made.MINE, made.THEIRS, made.HOST, made.PEER, (1000, 40_000), bytes(80))
    name = frames.udp4(
        made.MINE,
        made.THEIRS,
        made.HOST,
        made.PEER,
        (1000, 53),
        bytes.fromhex("12340100000100000000000003777777076578616d706c6503636f6d0000010001"),
    )
    assert seen(zeros, name) == ()


def test_a_host_on_linux_s_old_port_has_that_as_the_right_one() -> None:
    known = msgspec.structs.replace(KNOWN, port=8472)
    assert flags(made.tunnel(ports=(50000, 8472)), made.tunnel(), known=known) == [(), ("wrong-port",)]


def test_vnis_and_vteps_that_nobody_told_of_are_flagged() -> None:
    assert flags(made.tunnel(vni=7), made.tunnel(source="192.0.2.66"), made.tunnel(vni=5002)) == [
        ("unknown-vni",),
        ("unknown-vtep",),
        ("unknown-vtep",),  # PEER has no port in 5002
    ]


def test_probes_and_multicast_tunnels_are_nothing_unknown() -> None:
    assert flags(made.tunnel(vni=0xFFFFFF), made.tunnel(target="239.1.1.1")) == [(), ()]


def test_a_host_that_was_told_nothing_judges_neither() -> None:
    assert flags(made.tunnel(vni=7, source="192.0.2.66"), known=Known()) == [()]
    assert flags(made.tunnel(vni=7), made.tunnel(source="192.0.2.66"), known=Known(segments={made.VNI: ()}, members=False)) == [
        ("unknown-vni",),
        (),
    ]


def test_many_flows_from_one_port_are_poor_and_a_few_are_not() -> None:
    many = [made.tunnel(made.inner(port)) for port in range(1000, 1008)]
    assert set(flags(*many)) == {("poor-entropy",)}
    assert set(flags(*many[:7])) == {()}
    assert set(flags(*many, made.tunnel(made.inner(2000), ports=(50001, 4789)))) == {()}
    assert set(flags(*(made.tunnel(made.inner(1000)) for _ in range(20)))) == {()}


def test_a_header_that_promises_more_than_there_is_is_malformed_unless_it_was_cut_here() -> None:
    broken = made.PING[:14] + b"\x45\x00\x00\x10" + made.PING[18:]  # an IPv4 packet of 16 bytes
    assert flags(made.tunnel(made.PING[:20]))[0] == ("malformed",)
    assert seen(made.tunnel(broken))
    cut = made.pcap(made.tunnel(made.inner(size=400)), snap=96)
    (each,) = judged(decode(cut, frozenset({4789}), 10).packets, KNOWN, ALL)[0]
    assert each.flags == ()


def test_only_what_is_asked_for_is_shown() -> None:
    packets = (made.tunnel(), made.tunnel(vni=5002), made.tunnel(frames.arp(made.OTHER, made.OTHER, "10.1.1.12", "10.1.1.11")))
    assert [each.packet.vni for each in seen(*packets, selection=Selection(frozenset({5002})))] == [5002]
    theirs = frames.udp4("02:00:00:00:00:09", "02:00:00:00:00:08", "10.1.1.19", "10.1.1.18")
    mine = seen(*packets, made.tunnel(theirs), selection=Selection(macs=frozenset({made.GUEST})))
    assert len(mine) == 3  # two of the guest's and one for all


def test_what_guests_send_moves_no_cursor() -> None:
    query = bytes.fromhex("1234010000010000000000000e1b5b324a1b5b33316d0763726173680000010001")
    (each,) = seen(made.tunnel(frames.udp4(made.GUEST, made.OTHER, "10.1.1.11", "10.1.1.12", (1000, 53), query)))
    assert line(each).isprintable()


def test_the_table_has_a_row_per_vni_and_says_what_the_flags_mean() -> None:
    first, later = made.fragments(made.tunnel(made.inner(size=400)), 200)
    rows = summed(seen(made.tunnel(), first, later, made.tunnel(vni=7)))
    assert [row(each) for each in rows] == [
        ("7", 1, len(made.tunnel()), "unknown-vni 1"),
        ("5001", 2, len(made.tunnel()) + len(first), "fragment 1"),
        ("?", 1, len(later), "fragment 1"),
    ]
    assert [text.split(":")[0] for text in legend(rows)] == ["!fragment", "!unknown-vni"]

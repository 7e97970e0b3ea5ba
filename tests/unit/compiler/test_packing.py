"""Fast packing agrees with the plain functions, whatever it is given."""

from __future__ import annotations

import ipaddress

from hypothesis import example, given
from hypothesis import strategies as st

from vxloom.compiler.packing import pack_ips, pack_mac, pack_macs, pack_mixed, pack_one_ip

octets = st.integers(0, 255)
macs = st.lists(octets, min_size=6, max_size=6).map(lambda parts: ":".join(f"{part:02x}" for part in parts))
v4s = st.ip_addresses(v=4).map(str)
v6s = st.one_of(
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    st.integers(0, 2**64 - 1).map(lambda low: str(ipaddress.IPv6Address(0xFD00_0001 << 96 | low))),
)
NONSENSE = """x 10.1.1 1.2.3.4.5 1..2.3 256.1.1.1 1.2.3.é ::: ::1:: fd00::1:2:3:4:5 g::1 ::x ::12345 1:2:3:4:5::6"""
nonsense = st.sampled_from(("", *NONSENSE.split()))


@given(st.lists(macs))
@example(["02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"])
def test_macs(texts: list[str]) -> None:
    assert pack_macs(texts).tolist() == [pack_mac(text) for text in texts]


@given(st.lists(macs | nonsense | st.text(max_size=17)))
@example(["zz:00:00:00:00:01"])
@example(["0 :00:00:00:00: 1"])
@example(["02:00:00:00:00:0", "002:00:00:00:00:00:0"])
def test_macs_among_nonsense(texts: list[str]) -> None:
    assert pack_macs(texts).tolist() == [pack_mac(text) for text in texts]


@given(st.lists(v4s | v6s))
def test_ips(texts: list[str]) -> None:
    high, low = pack_ips(texts)
    assert list(zip(high.tolist(), low.tolist(), strict=True)) == [pack_one_ip(text) for text in texts]


@given(st.lists(v4s | v6s | nonsense))
@example(["1.2.3", "4.5.6.7.8"])
@example(["::12345"])
@example(["g::1"])
@example(["1:2:3:4:5::6"])
def test_ips_among_nonsense(texts: list[str]) -> None:
    high, low = pack_ips(texts)
    assert list(zip(high.tolist(), low.tolist(), strict=True)) == [pack_one_ip(text) for text in texts]


def test_mixed_lists_are_told_apart() -> None:
    mixed = pack_mixed(["00:00:5e:00:01:07", "10.1.1.99", "x"])
    assert mixed.macs == {pack_mac("00:00:5e:00:01:07")}
    assert mixed.ips == {pack_one_ip("10.1.1.99")}

"""Sets of VTEPs do what sets do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vxloom.model.addresses import pack_ip
from vxloom.model.vteps import Vteps

ADDRESSES = st.frozensets(st.ip_addresses().filter(lambda ip: not getattr(ip, "ipv4_mapped", None)).map(str), max_size=6)
"""An IPv4 address is kept as an IPv6 one that embeds it, so those are not told apart from it."""


@given(ADDRESSES, ADDRESSES)
def test_they_are_sets(left: frozenset[str], right: frozenset[str]) -> None:
    one, two = Vteps.of(left), Vteps.of(right)
    assert set(one.addresses()) == left
    assert len(one) == len(left)
    assert (one == two) is (left == right)
    assert one != left
    assert (one - two, one | two) == (Vteps.of(left - right), Vteps.of(left | right))
    assert hash(one) == hash(Vteps.of(sorted(left)))
    assert all((pack_ip(address) in two) is (address in right) for address in left | right)


def test_many_are_counted_and_a_few_named() -> None:
    some = [f"192.0.2.{n}" for n in range(1, 8)]
    assert str(Vteps.of(some[:2])) == "192.0.2.1, 192.0.2.2"
    assert str(Vteps.of(some)) == "192.0.2.1, 192.0.2.2, 192.0.2.3 and 4 more"
    assert not str(Vteps())

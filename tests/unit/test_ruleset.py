"""Filters as elements of the table's sets, and back."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.dataplane.ruleset import RULES, Element, elements_of, link_local, port_of
from vxloom.errors import IntentError
from vxloom.model.addresses import format_mac
from vxloom.model.filters import RULESET_VERSION
from vxloom.model.state import PortFilter

WHOLE = PortFilter("vt0", frozenset({"02:00:00:00:00:01"}), frozenset({"10.1.1.1", "fd00::1"}))
MACS = st.integers(1, 2**40 - 1).map(format_mac)
IPS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PORTS = st.builds(
    PortFilter,
    st.from_regex(r"[A-Za-z0-9_.:@+=,-]{1,15}", fullmatch=True),
    st.frozensets(MACS, max_size=4),
    st.frozensets(IPS, max_size=4),
    st.booleans(),
)


def test_rules_do_not_change_under_the_same_version() -> None:
    """A host with the old rules must see that its table is another: raise RULESET_VERSION, then note both here."""
    assert (RULESET_VERSION, hashlib.blake2b(RULES.encode(), digest_size=8).hexdigest()) == ("1", "2fc8563a40128193")


@given(PORTS)
def test_a_filter_comes_back_from_its_elements(port: PortFilter) -> None:
    assert port_of(port.tap, elements_of(port)) == port


@pytest.mark.parametrize("lost", sorted(elements_of(WHOLE)), ids=" ".join)
def test_a_lost_element_makes_another_filter(lost: Element) -> None:
    assert port_of("vt0", elements_of(WHOLE) - {lost}) != WHOLE


@pytest.mark.parametrize("which", ["macs", "raw_macs", "ipv4", "ipv6", "local6", "ports"])
def test_a_strange_element_makes_another_filter(which: str) -> None:
    values = {"macs": "02:00:00:00:00:66", "ipv4": "10.1.1.66", "ports": "unchecked"}
    assert port_of("vt0", elements_of(WHOLE) | {Element(which, "vt0", values.get(which, "0x66"))}) != WHOLE


@pytest.mark.parametrize("name", ['a"b', "a b", "a*", "", "sixteen-letters-", "a;b", "a\nb", "a\n", "a{b"])
def test_a_name_nft_could_misread_is_refused(name: str) -> None:
    with pytest.raises(IntentError, match="cannot be filtered"):
        elements_of(PortFilter(name, frozenset(), frozenset()))


def test_link_local_addresses_follow_rfc_4291() -> None:
    assert link_local(0x0200_0000_0001) == f"{0xFE80_0000_0000_0000_0000_00FF_FE00_0001:#x}"
    assert link_local(0x3456_789A_BCDE) == f"{0xFE80_0000_0000_0000_3656_78FF_FE9A_BCDE:#x}"

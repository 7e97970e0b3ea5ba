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

WHOLE = PortFilter("vt0", frozenset({"02:00:00:00:00:01"}), frozenset({"10.1.1.1", "fd00::1"}), storm_limit=2000)
SILENT = PortFilter("vt0", frozenset(), frozenset({"10.1.1.1"}))
MACS = st.integers(1, 2**40 - 1).map(format_mac)
IPS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PORTS = st.builds(
    PortFilter,
    st.from_regex(r"[A-Za-z0-9_.:@+=,-]{1,15}", fullmatch=True),
    st.frozensets(MACS, max_size=4),
    st.frozensets(IPS, max_size=4),
    st.booleans(),
    st.integers(0, 1_000_000),
)


def test_rules_do_not_change_under_the_same_version() -> None:
    """A host with the old rules must see that its table is another: raise RULESET_VERSION, then note both here."""
    assert (RULESET_VERSION, hashlib.blake2b(RULES.encode(), digest_size=8).hexdigest()) == ("6", "d960c94caff61fb3")


@given(PORTS)
def test_a_filter_comes_back_from_its_elements(port: PortFilter) -> None:
    assert port_of(port.tap, elements_of(port)) == port


@pytest.mark.parametrize(
    ("port", "lost"),
    [
        pytest.param(port, lost, id=f"{' '.join(lost)}, {len(port.macs)} MACs")
        for port in (WHOLE, SILENT)
        for lost in sorted(elements_of(port))
    ],
)
def test_a_lost_element_makes_another_filter(port: PortFilter, lost: Element) -> None:
    assert port_of("vt0", elements_of(port) - {lost}) != port


@pytest.mark.parametrize("port", [WHOLE, SILENT], ids=["with MAC", "without"])
@pytest.mark.parametrize(
    "strange",
    [
        Element("macs", "vt0", "0x66"),
        Element("ipv4", "vt0", "10.1.1.66"),
        Element("ipv6", "vt0", "0x66"),
        Element("local6", "vt0", "0x66"),
        Element("senders", "vt0", "0x200000000010800 . 0xa010142"),
        Element("storms", "vt0", "limit of another form"),
        Element("ports", "vt0", "02:00:00:00:00:66", "checked"),
        Element("ports", "vt0", "02:00:00:00:00:66", "unchecked"),
        Element("ports", "vt0", "02:00:00:00:00:66", "accept"),
    ],
    ids=" ".join,
)
def test_a_strange_element_makes_another_filter(port: PortFilter, strange: Element) -> None:
    assert port_of("vt0", elements_of(port) | {strange}) != port


def test_ipv4_of_a_checked_port_is_admitted_by_mac_and_address_together() -> None:
    macs, ips = {"02:00:00:00:00:01", "02:00:00:00:00:02"}, {"10.1.1.1", "10.1.1.2", "fd00::1"}
    checked = PortFilter("vt0", frozenset(macs), frozenset(ips))
    free = PortFilter("vt0", frozenset(macs), frozenset(ips), checked=False)
    assert {element.value for element in elements_of(checked) if element.set == "senders"} == {
        f"{mac}0800 . {ip}" for mac in ("0x20000000001", "0x20000000002") for ip in ("0xa010101", "0xa010102")
    }
    assert [element for element in elements_of(free) if element.set == "senders"] == []


@pytest.mark.parametrize("name", ['a"b', "a b", "a*", "", "sixteen-letters-", "a;b", "a\nb", "a\n", "a{b"])
def test_a_name_nft_could_misread_is_refused(name: str) -> None:
    with pytest.raises(IntentError, match="cannot be filtered"):
        elements_of(PortFilter(name, frozenset(), frozenset()))


def test_link_local_addresses_follow_rfc_4291() -> None:
    assert link_local(0x0200_0000_0001) == f"{0xFE80_0000_0000_0000_0000_00FF_FE00_0001:#x}"
    assert link_local(0x3456_789A_BCDE) == f"{0xFE80_0000_0000_0000_3656_78FF_FE9A_BCDE:#x}"

from __future__ import annotations

import ipaddress

import pytest

from vxloom.errors import IntentError
from vxloom.model.addresses import format_mac, is_v4, pack_ip, parse_ip, parse_mac, parse_vni, unpack_ip


@pytest.mark.parametrize(("given", "number"), [(0, 0), ("5001", 5001), (16_777_214, 16_777_214)])
def test_a_vni_within_cloudstacks_bounds_is_taken(given: int | str, number: int) -> None:
    assert parse_vni(given) == number


@pytest.mark.parametrize("given", [-1, 16_777_215, "x", "", "1.5"])
def test_any_other_vni_is_refused_with_the_bounds(given: int | str) -> None:
    with pytest.raises(IntentError, match="give 0 to 16777214"):
        parse_vni(given)


@pytest.mark.parametrize("text", ["02:00:00:00:00:0a", "02-00-00-00-00-0A", " 02:00:00:00:00:0A "])
def test_a_mac_is_read_in_its_usual_spellings(text: str) -> None:
    assert format_mac(parse_mac(text)) == "02:00:00:00:00:0a"


@pytest.mark.parametrize("text", ["", "02:00:00:00:00", "x2:00:00:00:00:01", "01:00:00:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])
def test_what_is_no_unicast_mac_is_refused(text: str) -> None:
    with pytest.raises(IntentError):
        parse_mac(text)


@pytest.mark.parametrize("text", ["10.1.1.5", "0.0.0.0", "255.255.255.255", "fd00:1::5", "::", "fe80::1", "::ffff:0:0:1"])
def test_addresses_survive_packing(text: str) -> None:
    assert str(unpack_ip(*pack_ip(text))) == text
    assert is_v4(*pack_ip(text)) == (ipaddress.ip_address(text).version == 4)
    assert pack_ip(parse_ip(text)) == pack_ip(text)


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(IntentError, match=r"10\.1\.1\.5"):
        parse_ip("10.1.1.300")

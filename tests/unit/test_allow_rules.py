"""Allow lists in nftables' sets, without nftables."""

from __future__ import annotations

import hashlib
import ipaddress

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vxloom.dataplane.allow_rules import BRIDGES, KEY_SIZES, VNIS, VTEPS4, VTEPS6, Lists, changes, commands, lists_of, rules, vni_of
from vxloom.model.filters import ALLOW_VERSION
from vxloom.model.state import AllowList
from vxloom.model.vteps import Vteps

ADDRESSES = st.ip_addresses().filter(lambda ip: not getattr(ip, "ipv4_mapped", None)).map(str)
SEGMENTS = st.dictionaries(st.integers(0, 2**24 - 1), st.frozensets(ADDRESSES, max_size=4), max_size=4)


def listing(segments: dict[int, frozenset[str]]) -> Lists:
    return Lists().changed({vni: AllowList(vni, 4789, Vteps.of(addresses)) for vni, addresses in segments.items()})


def keys(texts: dict[str, list[bytes]]) -> dict[str, np.ndarray]:
    return {name: np.frombuffer(b"".join(texts.get(name, [])), np.uint8).reshape(-1, size) for name, size in KEY_SIZES.items()}


def key(vni: int, address: str) -> bytes:
    return vni.to_bytes(3, "big") + b"\0" + ipaddress.ip_address(address).packed


def test_rules_do_not_change_under_the_same_version() -> None:
    """A host with the old rules must see that its table is another: raise ALLOW_VERSION, then note both here."""
    assert (ALLOW_VERSION, hashlib.blake2b(rules(4789).encode(), digest_size=8).hexdigest()) == ("4", "ca386e2a9790fef9")


@given(SEGMENTS)
def test_lists_come_back_from_the_keys_the_kernel_has(segments: dict[int, frozenset[str]]) -> None:
    held: dict[str, list[bytes]] = {VNIS: [], BRIDGES: [], VTEPS4: [], VTEPS6: []}
    for vni, addresses in segments.items():
        held[VNIS].append(vni.to_bytes(3, "big"))
        held[BRIDGES].append(f"brvx-{vni}".encode().ljust(16, b"\0"))
        for address in addresses:
            held[VTEPS6 if ":" in address else VTEPS4].append(key(vni, address))
    seen = lists_of(keys(held))
    assert seen == listing(segments)
    written = {
        name: [bytes(key) for change in changes(Lists(), seen, segments) if change.set == name for key in change.keys] for name in held
    }
    assert {name: sorted(some) for name, some in written.items()} == {name: sorted(some) for name, some in held.items()}
    for vni, addresses in segments.items():
        assert seen.of(vni, 8472) == AllowList(vni, 8472, Vteps.of(addresses))


def test_what_belongs_to_no_segment_is_strange_and_half_a_list_is_not_in_force() -> None:
    assert lists_of(keys({BRIDGES: [b"eth0".ljust(16, b"\0")]})).strange
    half = lists_of(keys({VTEPS4: [key(7, "192.0.2.2")], VNIS: [b"\0\0\x08"]}))
    assert half.all() == {7, 8}
    assert (half.of(7, 1).enforced, half.of(8, 1).enforced, half.strange) == (False, False, False)


def test_only_the_difference_is_written() -> None:
    before = listing({7: frozenset({"192.0.2.2", "192.0.2.3"}), 8: frozenset({"2001:db8::2"})})
    after = before.changed({7: AllowList(7, 4789, Vteps.of(["192.0.2.3", "192.0.2.4"])), 8: None})
    assert commands(changes(before, after, {7, 8})).splitlines() == [
        "add element inet vxloom vteps4 { 0x700 . 0xc0000204 }",
        "delete element inet vxloom vnis { 8 }",
        'delete element inet vxloom bridges { "brvx-8" }',
        "delete element inet vxloom vteps4 { 0x700 . 0xc0000202 }",
        "delete element inet vxloom vteps6 { 0x800 . 2001:db8::2 }",
    ]
    assert not changes(before, after, {9})
    assert before.changed({7: AllowList(7, 4789, None)}) == before, "unknown: those that are there stay"


def test_a_change_is_about_the_vni_its_element_names() -> None:
    assert vni_of(VTEPS4, key(5001, "192.0.2.2")) == 5001
    assert vni_of(BRIDGES, b"brvx-5001" + bytes(7)) == 5001
    assert vni_of(BRIDGES, b"brvx-5001x" + bytes(6)) is None

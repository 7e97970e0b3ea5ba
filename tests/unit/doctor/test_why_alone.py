"""Whom two words mean on one host."""

from __future__ import annotations

import pytest

from tests.intents import at, cloud, mac, network, nic
from vxloom.agent.held import Word
from vxloom.compiler import compile_document, compile_segments
from vxloom.doctor.why.pairs import pair_of
from vxloom.errors import ConfigError, StateError

INTENT = cloud(
    (network(5001), network(5002)),
    (nic(1, 5001, at(1)), nic(2, 5001, at(2)), nic(3, 5001, at(1)), nic(1, 5002, at(1), vm_name="VM1", vm="vm-9"), nic(4, 5002, at(1))),
)
WORD = Word(compile_document(INTENT, "host-1", 7, {}), compile_segments(INTENT))


def test_a_machine_of_another_host_is_known_by_its_addresses() -> None:
    for text in ("10.1.1.2", "fd00:1::2", mac(2).upper()):
        pair = pair_of(WORD, "vm-1", text)
        assert (pair.vni, pair.here) == (5001, (0,))
        assert (pair.ends[1].mac, pair.ends[1].vtep, pair.ends[1].vm) == (mac(2), "192.0.2.2", text)
        assert (pair.ends[0].vm, pair.ends[0].host, pair.ends[0].vtep) == ("vm1", "h1", "192.0.2.1")
    assert pair_of(WORD, "10.1.1.2", "vm-1").here == (1,)


def test_two_of_this_host_are_known_by_name_and_must_share_a_segment() -> None:
    pair = pair_of(WORD, "VM1", "vm3")
    assert (pair.vni, pair.here, pair.together) == (5001, (0, 1), True)
    assert pair_of(WORD, "vm1", "vm4").vni == 5002


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        ("vm8", "10.1.1.2", "neither vm8 nor 10.1.1.2 lives here"),
        ("vm3", "vm4", "vm4 is nobody in a network of vm3"),
        ("vm3", "10.1.1.99", "10.1.1.99 is nobody in a network of vm3"),
    ],
)
def test_words_that_mean_nobody_are_refused(one: str, other: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        pair_of(WORD, one, other)


def test_words_that_mean_several_are_refused() -> None:
    twice = cloud((network(5001), network(5002)), tuple(nic(n, vni, at(n)) for n in (1, 2) for vni in (5001, 5002)))
    word = Word(compile_document(twice, "host-1", 7, {}), compile_segments(twice))
    with pytest.raises(ConfigError, match="may be 2 pairs"):
        pair_of(word, "vm1", "10.1.1.2")


def test_a_host_that_was_told_nothing_says_so() -> None:
    with pytest.raises(StateError, match="told nothing"):
        pair_of(Word(), "vm1", "vm2")

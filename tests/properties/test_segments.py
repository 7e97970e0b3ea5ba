"""Segment tables: deltas, digests, holding, and that nothing but the intent's content decides them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.strategies import FEW, VNIS, any_clouds, sane_clouds
from vxloom.compiler import compile_segments
from vxloom.compiler.validate import validate
from vxloom.errors import StateError
from vxloom.model.intent import Intent
from vxloom.model.rows import canonical
from vxloom.model.segment import apply, changes
from vxloom.model.wire import decode_from_gateway, delta_message, delta_of, encode, table_message, table_of


@FEW
@given(sane_clouds(revision=7), sane_clouds(revision=8))
def test_changes_applied_to_the_old_table_give_the_new_one(before: Intent, after: Intent) -> None:
    for vni in VNIS:
        old, new = compile_segments(before)[vni], compile_segments(after)[vni]
        message = delta_message(changes(old, new, "e"))
        delta = delta_of(decode_from_gateway(encode(message)[4:]))  # type: ignore[arg-type]
        assert apply(delta, old, "e") == new
        assert apply(delta, old, "e").digest("e") == new.digest("e")


@FEW
@given(sane_clouds())
def test_a_snapshot_survives_the_wire(intent: Intent) -> None:
    for table in compile_segments(intent).values():
        assert table_of(decode_from_gateway(encode(table_message(table, "e"))[4:]), "e") == table  # type: ignore[arg-type]


@FEW
@given(sane_clouds(revision=7), sane_clouds(revision=8))
def test_digests_tell_contents_and_epochs_apart(before: Intent, after: Intent) -> None:
    for vni in VNIS:
        old, new = compile_segments(before)[vni], compile_segments(after)[vni]
        assert (old.digest("e") == new.digest("e")) == old.same_content(new)
        assert old.digest("e") != old.digest("f")


@FEW
@given(sane_clouds(revision=7), sane_clouds(revision=8), sane_clouds(revision=9))
def test_changes_of_another_past_are_refused(first: Intent, second: Intent, third: Intent) -> None:
    one, two, three = (compile_segments(intent)[VNIS[0]] for intent in (first, second, third))
    with pytest.raises(StateError, match="start at revision 8"):
        apply(changes(two, three, "e"), one, "e")
    if not one.same_content(two):
        with pytest.raises(StateError, match="digest"):
            apply(changes(two, three, "e"), replace(one, revision=8, ports=one.ports[:0], members=one.members[:0], head=two.head), "f")


@FEW
@given(sane_clouds(), st.randoms(use_true_random=False))
def test_the_order_of_intent_does_not_matter(intent: Intent, chance: random.Random) -> None:
    nics, hosts, networks = (chance.sample(part, len(part)) for part in (intent.nics, intent.hosts, intent.networks))
    shuffled = replace(intent, nics=tuple(nics), hosts=tuple(hosts), networks=tuple(networks))
    assert compile_segments(shuffled) == compile_segments(intent)


@FEW
@given(any_clouds(), st.randoms(use_true_random=False))
def test_not_even_contradictions_make_the_order_matter(intent: Intent, chance: random.Random) -> None:
    if len({host.id for host in intent.hosts}) < len(intent.hosts):
        return
    nics = chance.sample(intent.nics, len(intent.nics))
    assert compile_segments(replace(intent, nics=tuple(nics))) == compile_segments(intent) or len({n.id for n in nics}) < len(nics)


@FEW
@given(sane_clouds())
def test_one_network_alone_compiles_as_in_the_whole_zone(intent: Intent) -> None:
    """The full compile is the oracle of the partial one."""
    whole = compile_segments(intent)
    for network in intent.networks:
        part = replace(intent, networks=(network,), nics=tuple(nic for nic in intent.nics if nic.network == network.id))
        assert compile_segments(part)[network.vni] == whole[network.vni]


@FEW
@given(any_clouds())
def test_tables_are_canonical_and_know_each_mac_ip_and_host_once(intent: Intent) -> None:
    for table in compile_segments(intent).values():
        for name, identity in (("members", ("host",)), ("ports", ("mac",)), ("addresses", ("hi", "lo"))):
            rows = getattr(table, name)
            assert (canonical(rows) == rows).all()
            if name != "members" or len({host.number for host in intent.hosts}) == len(intent.hosts):
                assert len(canonical(rows[list(identity)])) == len(rows)


@FEW
@given(sane_clouds())
def test_a_sane_cloud_has_no_problems(intent: Intent) -> None:
    assert validate(intent) == ()


@FEW
@given(any_clouds())
def test_a_contradiction_is_a_value_never_a_crash(intent: Intent) -> None:
    for problem in validate(intent):
        assert problem.code
        assert problem.remedy in str(problem)

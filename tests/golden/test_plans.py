"""Intent → host state → plan, as text. `pytest tests/golden --update` rewrites; review the diff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.contract.bench import SimulatedBench
from tests.contract.laws import agrees, settle, taps_of
from tests.golden.states import intent_text, state_text, steps_text
from tests.intents import INCOMING, at, cloud, desired, network, nic, nic_id, tap
from vxloom.compiler.trace import follow
from vxloom.compiler.validate import validate
from vxloom.model.rows import FDB, table
from vxloom.model.state import Bridge, HostState, SegmentRows, VxlanDevice

Golden = Callable[[str, str], None]
TENANTS = cloud(
    (network(5001), network(5002, tenant="t2")),
    tuple(nic(number, vni, at(number)) for vni in (5001, 5002) for number in (1, 2, 3)),
)
SHARING = cloud(
    (network(5001), network(5003, addressed=False)),
    (
        nic(1, 5001, at(1), shared=("10.1.1.99", "00:00:5e:00:01:07"), held=("10.1.1.99", "00:00:5e:00:01:07")),
        nic(2, 5001, at(2), shared=("10.1.1.99", "00:00:5e:00:01:07")),
        nic(3, 5001, at(1), running=False),
        nic(4, 5003, at(1), addressed=False),
        nic(5, 5003, at(2), addressed=False),
    ),
)


def bench_with(*states: HostState) -> SimulatedBench:
    bench = SimulatedBench()
    for name in sorted(taps_of(*states)):
        bench.plug(name)
    return bench


def test_two_tenants_with_the_same_addresses(golden: Golden) -> None:
    wanted = desired(TENANTS, storm_limit=2000)
    seen = bench_with(wanted).driver.observe()
    golden("two-tenants.txt", "\n\n".join([intent_text(TENANTS), state_text(wanted), steps_text("h1, from nothing", wanted, seen)]))


def test_shared_addresses_stopped_guests_and_a_network_without_addresses(golden: Golden) -> None:
    parts = [intent_text(SHARING)] + [f"== h{number}\n{state_text(desired(SHARING, number))}" for number in (1, 2)]
    golden("sharing.txt", "\n\n".join(parts))


def test_a_move_is_prepared_flipped_and_ended(golden: Golden) -> None:
    """Host 1 → host 3, seen from all three: one replaced row on the others, nothing dropped that is not put elsewhere first."""
    nics = TENANTS.nics
    stages = [
        ("prepared", (at(1), at(3, INCOMING, 2))),
        ("moved", (at(3, sequence=2),)),
    ]
    parts: list[str] = []
    for number in (1, 2, 3):
        states = [("before", desired(TENANTS, number))]
        for name, bindings in stages:
            moved = replace(TENANTS, nics=(replace(nics[0], bindings=bindings), *nics[1:]))
            states.append((name, desired(moved, number)))
        bench = bench_with(*(state for _, state in states))
        settle(bench, states[0][1])
        for name, state in states[1:]:
            parts.append(steps_text(f"h{number}, {name}", state, bench.driver.observe()))
            settle(bench, state)
            agrees(bench, state)
    golden("move.txt", "\n".join(parts))


def test_drift_obstacles_and_strays(golden: Golden) -> None:
    wanted = desired(TENANTS)
    bench = bench_with(wanted)
    settle(bench, wanted)
    rows = wanted.rows[5001]
    bench.forget(5001, SegmentRows(bridged=rows.bridged[:1]))
    ghost = table(FDB, [(0x020000000099, 0, 0xFFFF_C000_0263)])
    bench.kernel.write_rows(5001, SegmentRows(fdb=ghost), SegmentRows())
    bench.set_mac("brvx-5001", "02:11:22:33:44:55")
    bench.unlock(tap(1, 5001))
    bench.delete_link("vxlan5002")
    bench.delete_link("brvx-5002")
    bench.add_foreign(VxlanDevice("theirs", 5002, "192.0.2.1", 4789, 1450, ""))
    bench.add_foreign(Bridge("brvx-5002", 0, "02:aa:00:00:00:01", 1500))
    bench.plug("stranger")
    bench.attach("stranger", "brvx-5001")
    golden("drift.txt", steps_text("h1, after somebody was there", wanted, bench.driver.observe()))


def test_withdrawal_and_holding(golden: Golden) -> None:
    wanted = desired(TENANTS)
    bench = bench_with(wanted)
    settle(bench, wanted)
    seen = bench.driver.observe()
    half = desired(cloud(TENANTS.networks, tuple(n for n in TENANTS.nics if n.network == "net-5001")))
    parts = [
        steps_text("one network withdrawn", half, seen),
        steps_text("one network withdrawn, deletions held", half, seen, prune=False),
        steps_text("all withdrawn", HostState(), seen),
        steps_text("nothing changed", wanted, seen),
    ]
    golden("withdrawal.txt", "\n".join(parts))


def test_stories_of_frames(golden: Golden) -> None:
    pairs = [((1, 5001), (2, 5001)), ((1, 5001), (2, 5002)), ((1, 5001), (4, 5001))]
    neighbours = replace(TENANTS, nics=(*TENANTS.nics, nic(4, 5001, at(1))))
    golden("stories.txt", "\n".join(str(follow(neighbours, nic_id(*source), nic_id(*target))) for source, target in pairs))


def test_contradictions(golden: Golden) -> None:
    networks = (network(5001), replace(network(5001), id="net-other"), replace(network(16_777_215), prefixes=("10.1/16",)))
    nics = (
        nic(1, 5001, at(1), at(2, sequence=2)),
        nic(2, 5001, at(9), mac="02:00:00:00:00:01", ips=("10.1.1.1", "10.9.9.9", "x")),
        nic(3, 5009, at(1), mac="ff:ff:ff:ff:ff:ff"),
        nic(4, 5001, at(1), mac="01:00:00:00:00:01", shared=("y", "10.1.1.99"), held=("10.1.1.98",)),
    )
    hosts = cloud((), ()).hosts
    odd = (
        *hosts,
        replace(hosts[0], id="host-4"),
        replace(hosts[0], id="host-5", number=5, vtep="2001:db8::5"),
        replace(hosts[1], id="host-6", number=6, vtep=""),
    )
    problems = validate(cloud(networks, nics, hosts=odd))
    golden("contradictions.txt", "\n".join(f"{problem.code:<14} {problem}" for problem in problems))

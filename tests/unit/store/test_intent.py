"""From rows to intent, and from intent on: what the compiler reads."""

from __future__ import annotations

import sqlalchemy as sa

from tests.unit.store.world import World
from vxloom.model import intent as model
from vxloom.store import records


def test_a_segment_is_whole(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.segment(tx, "blue", mtu=1400)
        other = world.segment(tx, "red")
        first = world.nic(tx, network, shared=("10.1.1.100",), held=("10.1.1.100",), position=1, tap="tap7")
        second = world.nic(tx, network)
        loose = world.nic(tx, network)
        world.nic(tx, other)
        tx.bind(first, world.hosts[0])
        tx.bind(second, world.hosts[1])
        tx.bind(second, world.hosts[2], model.BindingState.INCOMING)
        vni = tx.get(records.Network, network).vni
    with world.store.read() as rx:
        found = rx.intent([network])
        assert (found.zone, found.epoch, found.revision, found.udp_port) == (world.zone, world.store.epoch, 2, 4789)
        assert [(host.number, host.name, host.vtep) for host in found.hosts] == [
            (number, f"h{number}", f"192.0.2.{number}") for number in (1, 2, 3)
        ]
        assert found.hosts[0].labels == ((world.physical, "cloudbr1"),)
        [segment] = found.networks
        assert (segment.vni, segment.mtu, segment.addressed, segment.prefixes) == (vni, 1400, True, ("10.1.1.0/24", "fd00:1::/64"))
        nics = {nic.id: nic for nic in found.nics}
        assert nics.keys() == {first, second, loose}
        assert nics[first].ips == ("10.1.1.2",)
        assert (nics[first].shared, nics[first].held, nics[first].position, nics[first].tap) == (
            ("10.1.1.100",),
            ("10.1.1.100",),
            1,
            "tap7",
        )
        assert set(nics[second].bindings) == {
            model.Binding(world.hosts[1], model.BindingState.ACTIVE, 1),
            model.Binding(world.hosts[2], model.BindingState.INCOMING, 1),
        }
        assert nics[loose].bindings == ()
        assert all(nic.running for nic in found.nics)


def test_all_of_a_zone_is_its_networks_one_by_one(world: World) -> None:
    with world.store.write("test") as tx:
        networks = [world.segment(tx, str(n)) for n in range(3)]
        for number, network in enumerate(networks):
            tx.bind(world.nic(tx, network), world.hosts[number])
        tx.set_setting("vxloom.udp.port", "8472", world.zone)
        tx.set_setting("vxloom.df", "false", world.zone)
    with world.store.read() as rx:
        whole = rx.zone_intent(world.zone)
        assert (whole.udp_port, whole.df) == (8472, False)
        parts = [rx.intent([network]) for network in networks]
        assert {nic for part in parts for nic in part.nics} == set(whole.nics)
        assert {network for part in parts for network in part.networks} == set(whole.networks)
        assert rx.intent([], world.zone).nics == ()
        assert rx.intent(["gone"], world.zone).zone == world.zone


def test_a_host_is_told_of_its_own_ports_only(world: World) -> None:
    with world.store.write("test") as tx:
        network, other = world.segment(tx), world.segment(tx, "other")
        mine, theirs, elsewhere = world.nic(tx, network), world.nic(tx, network), world.nic(tx, other)
        for nic, host in zip((mine, theirs, elsewhere), world.hosts, strict=True):
            tx.bind(nic, host)
        vni = tx.get(records.Network, network).vni
    with world.store.read() as rx:
        sent = rx.host_intent(world.hosts[0])
        assert [nic.id for nic in sent.intent.nics] == [mine]
        assert [one.id for one in sent.intent.networks] == [network]
        assert [host.id for host in sent.intent.hosts] == [world.hosts[0]]
        assert sent.segments == {vni: tx.revisions[world.zone]}
        assert (sent.revision, sent.gone_ports, sent.gone_segments) == (tx.revisions[world.zone], (), ())


def test_an_l2_network_is_not_addressed(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.segment(tx, guest_type="L2", cidr=None, gateway=None, ip6_cidr=None)
    with world.store.read() as rx:
        [segment] = rx.intent([network]).networks
    assert (segment.addressed, segment.prefixes, segment.gateway, segment.mtu) == (False, (), "", 1450)


def test_the_number_of_queries_does_not_grow(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.segment(tx, cidr="10.0.0.0/16", gateway="10.0.0.1")
        one = [tx.bind(world.nic(tx, network), world.hosts[0])]
    statements: list[str] = []
    sa.event.listen(world.store._engine, "before_cursor_execute", lambda c, cur, text, *rest: statements.append(text))

    def cost() -> int:
        statements.clear()
        with world.store.read() as rx:
            rx.intent([network])
            rx.host_intent(world.hosts[0])
        return len(statements)

    few = cost()
    with world.store.write("test") as tx:
        one += [tx.bind(world.nic(tx, network), world.hosts[number % 3]) for number in range(30)]
    assert cost() == few


def test_the_host_of_a_vm_is_that_of_its_latest_active_binding(world: World) -> None:
    with world.store.write("test") as tx:
        nic = world.nic(tx, world.segment(tx))
        vm = tx.get(records.Nic, nic).vm
        assert tx.host_of(vm) is None
        assert tx.bind(nic, world.hosts[0]) == 1
        assert tx.bind(nic, world.hosts[0]) == 1
        tx.bind(nic, world.hosts[1], model.BindingState.INCOMING)
        assert tx.host_of(vm).id == world.hosts[0]
        assert tx.bind(nic, world.hosts[1]) == 2
        assert tx.host_of(vm).id == world.hosts[1]
        tx.bind(nic, world.hosts[0], model.BindingState.OUTGOING)
        assert tx.host_of(vm).id == world.hosts[1]
        assert tx.segment_hosts(tx.get(records.Nic, nic).network) == tuple(sorted(world.hosts[:2]))


def test_a_shared_address_has_one_holder(world: World) -> None:
    with world.store.write("test") as tx:
        network = world.segment(tx)
        a, b = (world.nic(tx, network, shared=("10.1.1.100",)) for _ in range(2))
        stranger = world.nic(tx, network)
        tx.bind(a, world.hosts[0])
    with world.store.write("test") as tx:
        assert tx.claim(a, "10.1.1.100")
        assert not tx.claim(a, "10.1.1.100")
        assert not tx.claim(stranger, "10.1.1.100")
    with world.store.write("test") as tx:
        assert tx.claim(b, "10.1.1.100")
        assert [tx.get(records.Nic, nic).held for nic in (a, b)] == [(), ("10.1.1.100",)]
    with world.store.read() as rx:
        assert {(one.kind, one.key) for one in rx.changes(world.zone, tx.revisions[world.zone] - 1)} == {
            ("segment", network),
            ("host", world.hosts[0]),
        }


def test_a_moved_tunnel_end_marks_every_segment_of_the_host(world: World) -> None:
    with world.store.write("test") as tx:
        here, elsewhere = world.segment(tx), world.segment(tx, "other")
        tx.bind(world.nic(tx, here), world.hosts[0])
        tx.bind(world.nic(tx, elsewhere), world.hosts[1])
    with world.store.write("test") as tx:
        tx.set_vtep(world.hosts[0], "2001:db8::1")
    with world.store.write("test") as again:
        again.set_vtep(world.hosts[0], "2001:db8::1")
    assert again.revisions == {}
    with world.store.read() as rx:
        assert {(one.kind, one.key) for one in rx.changes(world.zone, tx.revisions[world.zone] - 1)} == {
            ("segment", here),
            ("host", world.hosts[0]),
        }


def test_a_host_number_is_never_given_again(world: World) -> None:
    with world.store.write("test") as tx:
        tx.remove_host(world.hosts[2])
    with world.store.write("test") as tx:
        assert tx.get(records.Host, world.host(tx, "h9", "192.0.2.9")).number == 4

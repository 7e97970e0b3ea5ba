"""Segment tables, documents and host states: the rules one by one."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from tests.intents import ACTIVE, INCOMING, OUTGOING, at, cloud, desired, host, mac, network, nic, nic_id, tap
from vxloom.compiler import admit, compile_document, compile_host, compile_segments
from vxloom.compiler.host import bridge_mac
from vxloom.errors import IntentError
from vxloom.model.addresses import format_mac, parse_mac, unpack_ip
from vxloom.model.host import HostDocument, PortDocument, decode_ports, encode_port
from vxloom.model.intent import Intent
from vxloom.model.rows import SHARED
from vxloom.model.segment import SegmentTable
from vxloom.model.state import Bridge, HostState, PortFilter, Tap

ONE = network(5001)
VRRP = ("10.1.1.99", "00:00:5e:00:01:07")


def table_of(*nics: object, **fields: object) -> SegmentTable:
    return compile_segments(cloud((ONE,), nics, **fields))[5001]  # type: ignore[arg-type]


def ports(table: SegmentTable) -> dict[str, tuple[int, int]]:
    return {format_mac(row[0]): (row[1], row[2]) for row in table.ports.tolist()}


def addresses(table: SegmentTable) -> dict[str, tuple[str, int]]:
    return {str(unpack_ip(row[0], row[1])): (format_mac(row[2]), row[3]) for row in table.addresses.tolist()}


def document(intent: Intent, number: int = 1) -> HostDocument:
    return compile_document(intent, f"host-{number}", 9, {5001: 4})


def one_tap(state: HostState, name: str) -> Tap:
    found = state.resources["tap", name]
    assert isinstance(found, Tap)
    return found


class TestSegmentTables:
    def test_a_nic_lives_where_its_latest_active_binding_is(self) -> None:
        table = table_of(nic(1, 5001, at(1), at(3, sequence=5), at(2, sequence=2), at(2, INCOMING, 9)))
        assert ports(table) == {mac(1): (3, 0)}
        assert [row[0] for row in table.members.tolist()] == [1, 2, 3]

    def test_of_two_equal_bindings_the_lower_host_counts_whatever_the_order(self) -> None:
        assert ports(table_of(nic(1, 5001, at(2), at(1)))) == ports(table_of(nic(1, 5001, at(1), at(2)))) == {mac(1): (1, 0)}

    def test_who_is_only_coming_or_going_makes_a_member_and_no_row(self) -> None:
        table = table_of(nic(1, 5001, at(1, INCOMING)), nic(2, 5001, at(2, OUTGOING)))
        assert len(table.ports) == 0
        assert [row[0] for row in table.members.tolist()] == [1, 2]

    def test_a_stopped_nic_is_not_published(self) -> None:
        table = table_of(nic(1, 5001, at(1), running=False))
        assert len(table.ports) == len(table.addresses) == 0
        assert [row[0] for row in table.members.tolist()] == [1]

    def test_a_host_without_a_vtep_is_nobodys_peer(self) -> None:
        table = table_of(nic(1, 5001, at(1)), nic(2, 5001, at(2)), hosts=(host(1), replace(host(2), vtep="")))
        assert list(ports(table)) == [mac(1)]
        assert [row[0] for row in table.members.tolist()] == [1]

    def test_a_shared_address_is_published_for_its_holder_only(self) -> None:
        held = table_of(nic(1, 5001, at(1), shared=VRRP), nic(2, 5001, at(2), shared=VRRP, held=VRRP))
        assert ports(held)[VRRP[1]] == (2, SHARED)
        assert addresses(held)[VRRP[0]] == (mac(2), SHARED)
        unheld = table_of(nic(1, 5001, at(1), shared=VRRP))
        assert VRRP[1] not in ports(unheld)
        assert VRRP[0] not in addresses(unheld)

    def test_an_address_another_nic_shares_is_shared(self) -> None:
        table = table_of(nic(1, 5001, at(1)), nic(2, 5001, at(2), shared=("10.1.1.1",)))
        assert addresses(table)["10.1.1.1"] == (mac(1), SHARED)

    def test_an_own_mac_that_is_shared_needs_holding(self) -> None:
        shared = {"mac": VRRP[1], "shared": VRRP}
        assert ports(table_of(nic(1, 5001, at(1), **shared), nic(2, 5001, at(2), **shared, held=VRRP))) == {VRRP[1]: (2, SHARED)}

    def test_what_is_held_but_not_shared_or_by_nobody_running_is_nothing(self) -> None:
        assert VRRP[1] not in ports(table_of(nic(1, 5001, at(1), held=VRRP)))
        assert VRRP[1] not in ports(table_of(nic(1, 5001, at(1), shared=VRRP, held=VRRP, running=False)))

    def test_of_two_with_one_mac_the_later_move_counts(self) -> None:
        table = table_of(nic(1, 5001, at(1)), nic(2, 5001, at(2, sequence=2), mac=mac(1), ips=("10.1.1.1",)))
        assert ports(table) == {mac(1): (2, 0)}
        assert addresses(table)["10.1.1.1"] == (mac(1), 0)

    def test_of_two_networks_with_one_vni_the_lower_id_counts(self) -> None:
        twin = replace(ONE, id="net-0", name="twin")
        assert compile_segments(cloud((ONE, twin), ()))[5001].head.name == "twin"


class TestDocuments:
    def test_it_names_what_the_host_is_bound_to_and_nothing_else(self) -> None:
        intent = cloud((ONE, network(5002)), (nic(2, 5001, at(1)), nic(1, 5001, at(1, INCOMING), at(2)), nic(3, 5002, at(2))))
        made = document(intent)
        assert [(need.vni, need.revision) for need in made.segments] == [(5001, 4)]
        bound, refused = decode_ports(made)
        assert [(port.nic, port.state) for port in bound] == [(nic_id(1, 5001), INCOMING), (nic_id(2, 5001), ACTIVE)]
        assert refused == ()
        assert bound[1].ips == ("10.1.1.2/24", "fd00:1::2/64")
        assert bound[1].security.ips == ("10.1.1.2", "fd00:1::2")

    def test_an_active_binding_that_was_overtaken_is_outgoing(self) -> None:
        (port,) = decode_ports(document(cloud((ONE,), (nic(1, 5001, at(1), at(2, sequence=2)),))))[0]
        assert port.state is OUTGOING

    def test_a_network_without_addresses_checks_none(self) -> None:
        (port,) = decode_ports(document(cloud((network(5001, addressed=False),), (nic(1, 5001, at(1)),))))[0]
        assert not port.security.checked
        assert port.security.ips == ()

    def test_only_a_default_nic_has_a_way_out(self) -> None:
        nics = (nic(1, 5001, at(1)), nic(2, 5001, at(1), gateway=""), nic(3, 5001, at(1), gateway="10.1.1.254"))
        bound, _ = decode_ports(document(cloud((ONE,), nics)))
        assert [port.gateway for port in bound] == ["10.1.1.1", "", "10.1.1.254"]

    def test_malformed_prefixes_and_addresses_are_carried_not_crashed_on(self) -> None:
        odd = replace(ONE, prefixes=("10.1/16", "10.0.0.0/8", "10.1.1.0/24"))
        (port,) = decode_ports(document(cloud((odd,), (nic(1, 5001, at(1), ips=("10.1.1.1", "192.0.2.9", "x")),))))[0]
        assert port.ips == ("10.1.1.1/24", "192.0.2.9/32", "x")

    def test_tombstones_are_sorted_and_a_nic_without_network_is_left_out(self) -> None:
        made = compile_document(cloud((ONE,), (nic(1, 5009, at(1)),)), "host-1", 9, {}, ("b", "a"), (2, 1))
        assert (made.gone_ports, made.gone_segments, made.ports) == (("a", "b"), (1, 2), ())

    def test_a_host_that_is_not_there_is_an_intent_error(self) -> None:
        with pytest.raises(IntentError, match="host-9"):
            compile_document(cloud((ONE,), ()), "host-9", 9, {})


class TestHostStates:
    def test_a_prepared_port_is_attached_and_mute_and_its_mac_stays_remote(self) -> None:
        intent = cloud((ONE,), (nic(1, 5001, at(2), at(1, INCOMING, 2)),))
        state = desired(intent)
        assert one_tap(state, tap(1, 5001)).macs == frozenset()
        assert state.rows[5001].fdb["mac"].tolist() == [parse_mac(mac(1))]

    def test_the_flip_may_come_by_document_or_by_table_first(self) -> None:
        """At no moment a MAC has a row on the tap and one on the VXLAN port: the bridge holds one row per MAC."""
        before = cloud((ONE,), (nic(1, 5001, at(2), at(1, INCOMING, 2)),))
        after = cloud((ONE,), (nic(1, 5001, at(1, ACTIVE, 2)),))
        for paper, table in ((before, after), (after, before)):
            state = compile_host(document(paper), compile_segments(table))
            assert one_tap(state, tap(1, 5001)).macs == {mac(1)}
            assert len(state.rows[5001].fdb) == 0

    def test_one_tap_has_a_mac_of_two_that_claim_it(self) -> None:
        state = desired(cloud((ONE,), (nic(1, 5001, at(1)), nic(2, 5001, at(1, sequence=2), mac=mac(1)))))
        assert (one_tap(state, tap(1, 5001)).macs, one_tap(state, tap(2, 5001)).macs) == (frozenset(), {mac(1)})

    def test_of_two_sharers_on_one_host_the_holder_has_the_mac(self) -> None:
        sharers = (nic(1, 5001, at(1), shared=VRRP, held=VRRP), nic(2, 5001, at(1), shared=VRRP))
        state = desired(cloud((ONE,), sharers))
        assert one_tap(state, tap(1, 5001)).macs == {mac(1), VRRP[1]}
        assert one_tap(state, tap(2, 5001)).macs == {mac(2)}

    def test_a_segment_without_its_table_has_links_and_no_word_on_rows(self) -> None:
        for vtep, mtu in (("192.0.2.1", 1450), ("2001:db8::1", 1430)):
            intent = cloud((ONE,), (nic(1, 5001, at(1)),), hosts=(host(1, vtep),))
            state = compile_host(document(intent), {})
            bridge = state.resources["bridge", "brvx-5001"]
            assert isinstance(bridge, Bridge)
            assert bridge.mtu == mtu
            assert one_tap(state, tap(1, 5001)).macs == {mac(1)}
            assert dict(state.rows) == {}

    def test_only_segments_the_document_names_are_built(self) -> None:
        intent = cloud((ONE, network(5002)), (nic(1, 5001, at(1)), nic(1, 5002, at(2))))
        assert set(desired(intent).rows) == {5001}

    def test_peers_of_another_address_family_are_left_out(self) -> None:
        hosts = (host(1), host(2), host(3, "2001:db8::3"))
        state = desired(cloud((ONE,), (nic(1, 5001, at(1)), nic(2, 5001, at(2)), nic(3, 5001, at(3))), hosts=hosts))
        assert len(state.rows[5001].fdb) == len(state.rows[5001].flood) == 1

    def test_a_host_without_segments_holds_nothing_not_even_a_filter_table(self) -> None:
        assert desired(cloud((ONE,), ())) == HostState()

    def test_filters_hold_bare_addresses_in_one_spelling(self) -> None:
        state = desired(cloud((ONE,), (nic(1, 5001, at(1), ips=("10.1.1.1", "FD00:1:0::01")),)))
        found = state.resources["filter", tap(1, 5001)]
        assert found == PortFilter(tap(1, 5001), frozenset({mac(1)}), frozenset({"10.1.1.1", "fd00:1::1"}))

    def test_a_bridge_mac_is_the_same_after_a_restart_and_differs_between_hosts_and_segments(self) -> None:
        seen = {bridge_mac(number, vni) for number in (1, 2, 65_535) for vni in (0, 5001, 16_777_214)}
        assert len(seen) == 9
        assert all(parse_mac(text) >> 40 & 3 == 2 for text in seen)


class TestAdmission:
    def port(self, **fields: object) -> PortDocument:
        (port,) = decode_ports(document(cloud((ONE,), (nic(1, 5001, at(1)),))))[0]
        return msgspec.structs.replace(port, **fields)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"vni": 5002}, "does not name its segment"),
            ({"tap": ""}, "no name of a tap"),
            ({"tap": "a-name-far-too-long"}, "no name of a tap"),
            ({"mac": "x"}, "not a MAC"),
        ],
    )
    def test_what_cannot_be_bound_safely_is_refused(self, fields: dict[str, object], reason: str) -> None:
        base = document(cloud((ONE,), (nic(1, 5001, at(1)),)))
        made = msgspec.structs.replace(base, ports=(encode_port(self.port(**fields)),))
        bound, refused = admit(made)
        assert bound == ()
        assert reason in refused[0].reason
        assert ("tap", tap(1, 5001)) not in compile_host(made, {}).resources

    @pytest.mark.parametrize("fields", [{"macs": ("x",)}, {"ips": ("10.1.1.1/24",)}])
    def test_a_security_field_that_cannot_be_read_refuses_the_port(self, fields: dict[str, object]) -> None:
        base = document(cloud((ONE,), (nic(1, 5001, at(1)),)))
        security = msgspec.structs.replace(self.port().security, **fields)
        made = msgspec.structs.replace(base, ports=(encode_port(self.port(security=security)),))
        assert admit(made)[0] == ()

    def test_of_two_ports_with_one_tap_the_later_binding_is_bound(self) -> None:
        twins = (nic(1, 5001, at(1), tap="vnet0"), nic(2, 5001, at(1, sequence=2), tap="vnet0"))
        assert one_tap(desired(cloud((ONE,), twins)), "vnet0").macs == {mac(2)}

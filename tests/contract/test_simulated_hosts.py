"""Simulated hosts in a real gateway: what they are sent, what stands in their kernels, and what they say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from tests.contract.cloud import Cloud
from tests.waiting import until
from vxloom.dataplane.simulated import SimulatedKernel
from vxloom.errors import TransportError
from vxloom.model.host import tap_name
from vxloom.model.state import AllowList, AllowTable, Bridge, FilterTable, HostState, PortFilter, Tap, VxlanDevice, bridge_name, vxlan_name
from vxloom.server.gateway import Gateway
from vxloom.server.lifecycle import hypervisors
from vxloom.store import records


def add(cloud: Cloud, gateway: Gateway, *names: str) -> Awaitable[list[str]]:
    """Make simulated hosts as addHost does; return their ids."""

    def made() -> list[str]:
        with cloud.store.write("test") as tx:
            pod = tx.one(records.Pod, zone=cloud.zone) or tx.add(records.Pod(zone=cloud.zone, name="p1"))
            cluster = tx.one(records.Cluster, pod=pod.id) or tx.add(
                records.Cluster(zone=cloud.zone, pod=pod.id, name="c1", hypervisor=hypervisors.SIMULATOR)
            )
            hosts = [hypervisors.add_simulated(tx, cluster, name, None).id for name in names]
        for host in hosts:
            gateway.simulate(host)
        return hosts

    return asyncio.to_thread(made)


def kernel(gateway: Gateway, host: str) -> SimulatedKernel:
    return gateway._simulator.host(host).kernel


def believed(cloud: Cloud) -> set[tuple[str, str]]:
    """What the store thinks hosts hold: (host, key)."""
    with cloud.store.read() as rx:
        return {(belief.host, belief.key) for belief in rx.all(records.Belief)}


def play(tmp_path: Path, scenario: Callable[[Cloud], Awaitable[None]]) -> None:
    with Cloud(tmp_path) as cloud:
        asyncio.run(scenario(cloud))


def test_a_simulated_kernel_holds_what_a_real_one_would_and_nothing_once_the_last_port_is_gone(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        red, vni = cloud.network("red")
        async with cloud.gateway() as gateway:
            one, two = await add(cloud, gateway, "s1", "s2")
            assert gateway.live() == {one, two}
            nics = [cloud.nic(red, host) for host in (one, two)]
            here, there = kernel(gateway, one), kernel(gateway, two)
            await until(lambda: len(here.rows(vni).fdb) == len(there.rows(vni).fdb) == 1)
            state = here.look()
            vxlan = state.resources[VxlanDevice.kind, vxlan_name(vni)]
            assert isinstance(vxlan, VxlanDevice)
            assert (vxlan.local, vxlan.bridge) == (cloud.host(one).vtep, bridge_name(vni))
            tap = state.resources[Tap.kind, tap_name(nics[0])]
            assert isinstance(tap, Tap)
            assert (tap.bridge, tap.locked, len(tap.macs)) == (bridge_name(vni), True, 1)
            kinds = {kind for kind, _ in state.resources}
            assert kinds == {Bridge.kind, VxlanDevice.kind, AllowTable.kind, AllowList.kind, FilterTable.kind, PortFilter.kind, Tap.kind}
            rows = state.rows[vni]
            assert (len(rows.fdb), len(rows.bridged), len(rows.flood), len(rows.neighbours)) == (1, 1, 1, 2)

            cloud.unbind(nics[1], two)
            await until(lambda: there.look() == HostState() and not len(here.rows(vni).flood))
            assert not there.links
            await until(lambda: not any(host == two for host, _ in believed(cloud)))
            cloud.unbind(nics[0], one)
            await until(lambda: not here.links and not believed(cloud))
            assert here.look() == HostState()

    play(tmp_path, scenario)


def test_after_a_restart_of_the_server_a_simulated_host_is_built_anew_from_the_store(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        red, vni = cloud.network("red")
        async with cloud.gateway() as gateway:
            one, two = await add(cloud, gateway, "s1", "s2")
            cloud.nic(red, one)
            cloud.nic(red, two)
            before = kernel(gateway, one)
            await until(lambda: len(before.rows(vni).fdb) == 1)
        async with cloud.gateway() as gateway:
            assert gateway.live() == {one, two}
            after = kernel(gateway, one)
            await until(lambda: len(after.rows(vni).fdb) == 1)
            assert after is not before
            assert after.look() == before.look()
            assert cloud.host(one).state is records.HostState.UP

    play(tmp_path, scenario)


def test_a_simulated_host_answers_questions_and_says_what_it_is(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        red, vni = cloud.network("red")
        async with cloud.gateway() as gateway:
            [one] = await add(cloud, gateway, "s1")
            nic = cloud.nic(red, one)
            await until(lambda: tap_name(nic) in kernel(gateway, one).links)
            await until(lambda: (report := gateway.report(one)) is not None and [guest.nic for guest in report.guests] == [nic])
            told = msgspec.json.decode(await asyncio.to_thread(gateway.ask, one, "plan", 5.0))
            assert (told["simulated"], told["steps"]) == (True, 0)
            kernel(gateway, one).delete_link(vxlan_name(vni))
            told = msgspec.json.decode(await asyncio.to_thread(gateway.ask, one, "plan", 5.0))
            assert told["plan"].startswith("# a simulated host")
            assert f"+ vxlan {vxlan_name(vni)}" in told["plan"]
            gateway.confirm(one)  # it never holds, so there is nothing to confirm; it lives on
            assert await asyncio.to_thread(gateway.ask, one, "state", 5.0)

    play(tmp_path, scenario)


def test_what_a_simulated_kernel_refuses_is_not_acknowledged_and_tried_again(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        red, vni = cloud.network("red")
        async with cloud.gateway() as gateway:
            [one] = await add(cloud, gateway, "s1")
            kernel(gateway, one).fail((Bridge.kind, bridge_name(vni)))
            nic = cloud.nic(red, one)
            await until(lambda: (report := gateway.report(one)) is not None and any(bridge_name(vni) in text for text in report.findings))
            await until(lambda: (Tap.kind, tap_name(nic)) in kernel(gateway, one).look().resources)  # with the next beat
            await until(lambda: (report := gateway.report(one)) is not None and report.healthy)

    play(tmp_path, scenario)


def test_a_removed_simulated_host_ends_and_one_asked_to_reconnect_keeps_its_kernel(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        red, vni = cloud.network("red")
        async with cloud.gateway() as gateway:
            one, two = await add(cloud, gateway, "s1", "s2")
            cloud.nic(red, one)
            held = kernel(gateway, one)
            await until(lambda: (VxlanDevice.kind, vxlan_name(vni)) in held.look().resources)
            stream = gateway._streams[one]
            gateway.reconnect(one)
            await until(lambda: gateway._streams.get(one) not in {None, stream})
            assert kernel(gateway, one) is held
            cloud.nic(red, two)
            await until(lambda: len(held.rows(vni).fdb) == 1)
            with cloud.store.write("test") as tx:
                tx.remove_host(one)
            gateway.cut(one)
            await until(lambda: gateway.live() == {two} and one not in gateway._simulator._hosts)
            await until(lambda: not len(kernel(gateway, two).rows(vni).fdb))
            with pytest.raises(TransportError):
                gateway.reconnect(one)

    play(tmp_path, scenario)


def test_simulated_hosts_have_tunnel_end_points_of_their_own_in_a_range_nobody_routes(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            hosts = await add(cloud, gateway, *(f"s{number}" for number in range(40)))
            vteps = {cloud.host(host).vtep for host in hosts}
            assert len(vteps) == 40
            assert all(vtep.startswith("198.18.") for vtep in vteps)
            assert gateway.live() == set(hosts)

    play(tmp_path, scenario)

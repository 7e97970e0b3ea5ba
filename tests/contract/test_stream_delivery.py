"""What a host is sent: its own segments only, as changes where it can be, each encoded once; and nobody waits for a slow one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.contract.cloud import SERVER, Agent, Cloud, raw, reply, running
from tests.waiting import pause, until
from vxloom.model.rows import PORT, table
from vxloom.model.wire import Ack, Beat, Current, Delta, Document, Hello, SegmentWanted, Table, encode
from vxloom.server.gateway import Gateway
from vxloom.store import records


@contextlib.asynccontextmanager
async def agents(cloud: Cloud, gateway: Gateway, folder: Path, count: int) -> AsyncIterator[list[Agent]]:
    """Join and run hosts h0, h1, …"""
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for number in range(count):
            name = f"h{number}"
            agent = Agent(name, folder / name, gateway.port, gateway.issue_token(cloud.zone, name, "admin"), vtep=f"192.0.2.{number + 1}")
            await stack.enter_async_context(agent.running())
            found.append(agent)
        await until(lambda: all(agent.stream.connected for agent in found))
        yield found


async def beat(writer: asyncio.StreamWriter) -> None:
    """Give signs of life for ever."""
    while True:
        writer.write(encode(Beat()))
        await pause(SERVER.beat / 2)


def test_a_host_gets_the_segments_it_has_ports_in_and_no_other(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        (red, red_vni), (blue, blue_vni) = cloud.network("red"), cloud.network("blue")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 3) as (one, two, three):
            cloud.nic(red, one.host)
            cloud.nic(red, two.host)
            cloud.nic(blue, two.host)
            blue_nic = cloud.nic(blue, three.host)
            await until(lambda: all(agent.settled(cloud) for agent in (one, two, three)))
            assert set(one.tables) == {red_vni}
            assert set(two.tables) == {red_vni, blue_vni}
            assert set(three.tables) == {blue_vni}
            assert one.tables[red_vni] == two.tables[red_vni]
            assert not any(isinstance(m, (Table, Delta)) and m.head.vni == blue_vni for m in one.seen)
            # Asking for another's segment brings nothing: what is sent follows from bindings.
            assert one.stream.send(SegmentWanted(blue_vni))
            cloud.unbind(blue_nic, three.host)
            await until(lambda: all(agent.settled(cloud) for agent in (one, two, three)))
            assert blue_vni not in one.tables
            assert blue_vni not in three.tables
            assert three.document is not None

            def believed() -> bool:
                with cloud.store.read() as rx:
                    return rx.count(records.Belief, host=three.host) > 0

            await until(lambda: not believed())  # its word that nothing is left has arrived

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_segment_asked_for_again_comes_whole_and_the_batch_is_closed(tmp_path: Path) -> None:
    """An agent acts on what it was sent when it hears that this was all."""

    async def scenario(cloud: Cloud) -> None:
        red, vni = cloud.network("red")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (one,):
            cloud.nic(red, one.host)
            await until(lambda: one.settled(cloud))
            before = len(one.seen)
            assert one.stream.send(SegmentWanted(vni))
            await until(lambda: any(isinstance(message, Current) for message in one.seen[before:]))
            kinds = [type(message) for message in one.seen[before:] if isinstance(message, (Table, Delta, Current))]
            assert kinds[:2] == [Table, Current]

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_changes_are_sent_as_changes_and_encoded_once_for_all(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 4) as hosts:
            for agent in hosts:
                cloud.nic(network, agent.host)
            await until(lambda: all(agent.settled(cloud) for agent in hosts))
            for agent in hosts:
                agent.seen.clear()
            segment = gateway._zones[cloud.zone].segments[vni]
            before = segment.encodings
            cloud.nic(network, hosts[0].host)
            await until(lambda: all(agent.settled(cloud) for agent in hosts))
            assert [agent.got(Delta) for agent in hosts] == [1, 1, 1, 1]
            assert [agent.got(Table) for agent in hosts] == [0, 0, 0, 0]
            assert [agent.got(Document) for agent in hosts] == [1, 0, 0, 0]
            assert segment.encodings == before + 1
            assert all(len(agent.tables[vni].ports) == 5 for agent in hosts)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_table_that_does_not_fit_the_changes_is_replaced_by_a_snapshot(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (agent,):
            cloud.nic(network, agent.host)
            await until(lambda: agent.settled(cloud))
            agent.tables[vni] = replace(agent.tables[vni], ports=table(PORT, [(1, 2, 3)]))  # memory gone bad
            agent.seen.clear()
            cloud.nic(network, agent.host)
            await until(lambda: agent.got(Table) == 1)
            assert agent.got(Delta) == 1
            assert len(agent.tables[vni].ports) == 2

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_what_a_host_still_holds_is_not_sent_again(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway:
            async with agents(cloud, gateway, tmp_path, 1) as (agent,):
                cloud.nic(network, agent.host)
                await until(lambda: agent.settled(cloud))
            agent.seen.clear()
            async with agent.running():
                await until(lambda: agent.got(Current))
                assert (agent.got(Table), agent.got(Delta), agent.got(Document)) == (0, 0, 1)
            held = agent.tables[vni]
        # The same with a server that has restarted and compiled anew; and one change while nobody looked.
        agent.seen.clear()
        async with cloud.gateway(port=gateway.port), agent.running():
            await until(lambda: agent.got(Current))
            assert (agent.got(Table), agent.got(Delta)) == (0, 0)
            assert agent.tables[vni] == held
        with cloud.store.write("test") as tx:
            tx.touch_segment(network)
        agent.seen.clear()
        async with cloud.gateway(port=gateway.port), agent.running():
            await until(lambda: agent.settled(cloud))
            assert (agent.got(Table), agent.got(Delta)) == (0, 1)  # same content, newer revision: changes without rows
            assert agent.tables[vni].same_content(held)
            assert agent.tables[vni].revision > held.revision

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_host_that_reads_nothing_delays_nobody_and_is_cut(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway:
            async with agents(cloud, gateway, tmp_path, 2) as (slow, quick):
                cloud.nic(network, slow.host)
                cloud.nic(network, quick.host)
                await until(lambda: slow.settled(cloud) and quick.settled(cloud))
            reader, writer = await raw(gateway, slow.identity)
            writer.write(encode(Hello("h0", "192.0.2.1", "", 0, "", {})))
            while not isinstance(await reply(reader), Current):
                pass
            # A segment too big for the buffers on the way, and a host that reads no more (but beats, so it is not silent).
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            stuck, segment = gateway._streams[slow.host], gateway._zones[cloud.zone].segments[vni]
            ports = np.zeros(1_000_000, PORT)
            ports["mac"] = np.arange(len(ports))
            segment.replace(replace(segment._table, ports=ports))
            stuck.mark(vni)
            beating = asyncio.ensure_future(beat(writer))
            async with running(beating), quick.running():
                await until(lambda: stuck._sent_chunks() > 0 if hasattr(stuck, "_sent_chunks") else not stuck._dirty)
                other, other_vni = cloud.network("other")
                cloud.nic(other, quick.host)
                await until(lambda: other_vni in quick.tables)
                await until(lambda: slow.host not in gateway._streams)
                assert quick.reasons[-1] == ""
                assert quick.stream.connected
            writer.transport.abort()

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_acknowledgements_of_what_was_never_sent_prove_nothing(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (agent,):
            nic = cloud.nic(network, agent.host)
            await until(lambda: agent.settled(cloud))
        identity = agent.identity
        async with cloud.gateway() as gateway:
            reader, writer = await raw(gateway, identity)
            writer.write(encode(Hello("h0", "192.0.2.1", "", 0, "", {vni: (999, 1)})))
            while not isinstance(await reply(reader), Current):
                pass
            with cloud.store.write("test") as tx:
                admin = tx.one(records.User)
                assert admin is not None
                job = tx.start_job(command="test", account=admin.account, user=admin.id)
                tx.wait_segment(job.id, identity.host, records.WaitRole.MUST, network)
                tx.wait_host(job.id, identity.host, records.WaitRole.MUST)
            writer.write(encode(Ack(10_000, {vni: 10_000, 1: 1}, absent_ports=(nic,))))
            while not isinstance(current := await reply(reader), Current):
                assert current is not None
            with cloud.store.read() as rx:
                assert not any(wait.acked for wait in rx.waits(job.id))
                assert rx.count(records.Belief, host=identity.host, kind="port") == 1
                revision, _ = rx.zone_revision(cloud.zone)
            writer.write(encode(Ack(revision, {vni: revision})))

            def acknowledged() -> bool:
                with cloud.store.read() as rx:
                    return all(wait.acked for wait in rx.waits(job.id))

            await until(acknowledged)
            writer.transport.abort()

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_what_a_host_says_right_after_its_greeting_counts_when_the_history_is_the_same(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway:
            async with agents(cloud, gateway, tmp_path, 1) as (agent,):
                cloud.nic(network, agent.host)
                await until(lambda: agent.settled(cloud))
            with cloud.store.write("test") as tx:
                admin = tx.one(records.User)
                assert admin is not None
                job = tx.start_job(command="test", account=admin.account, user=admin.id)
                tx.wait_segment(job.id, agent.host, records.WaitRole.MUST, network)
                tx.wait_host(job.id, agent.host, records.WaitRole.MUST)
            with cloud.store.read() as rx:
                revision, nonce = rx.zone_revision(cloud.zone)
            _, writer = await raw(gateway, agent.identity)
            greeting = Hello("h0", "192.0.2.1", cloud.store.epoch, revision, nonce, {})
            writer.write(encode(greeting) + encode(Ack(revision, {vni: revision})))

            def acknowledged() -> bool:
                with cloud.store.read() as rx:
                    return all(wait.acked for wait in rx.waits(job.id))

            await until(acknowledged)
            writer.transport.abort()

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_tunnel_end_point_that_moved_reaches_its_peers(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 2) as (one, two):
            cloud.nic(network, one.host)
            cloud.nic(network, two.host)
            await until(lambda: one.settled(cloud) and two.settled(cloud))
            before = two.tables[vni]
            moved = Agent("h0", tmp_path / "h0", gateway.port, vtep="192.0.2.99")
            async with moved.running():
                await until(lambda: moved.settled(cloud) and two.settled(cloud))
                assert not np.array_equal(two.tables[vni].members, before.members)
                assert moved.document is not None
                assert moved.document.vtep == "192.0.2.99"

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_the_share_of_ports_a_plan_may_remove_is_the_zones_setting(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, _ = cloud.network("n")
        with cloud.store.write("test") as tx:
            tx.set_setting("vxloom.removal.share", "0.5", cloud.zone)
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (one,):
            cloud.nic(network, one.host)
            await until(lambda: one.settled(cloud))
            assert one.document is not None
            assert one.document.removal_share == 0.5

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_limit_of_storms_reaches_hosts_at_once_and_again_when_it_changes(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, _ = cloud.network("n")

        def told(agent: Agent, limit: int) -> bool:
            return agent.settled(cloud) and agent.document is not None and agent.document.storm_limit == limit

        def change(value: str, zone: str | None = None) -> None:
            with cloud.store.write("test") as tx:
                if value:
                    tx.set_setting("vxloom.port.storm.limit", value, zone)
                else:
                    tx.reset_setting("vxloom.port.storm.limit", zone)

        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 2) as (one, two):
            cloud.nic(network, one.host)
            cloud.nic(network, two.host)
            await until(lambda: told(one, 2000) and told(two, 2000))
            for value, zone, expected in (("100", None, 100), ("7", cloud.zone, 7), ("50", None, 7), ("", cloud.zone, 50), ("0", None, 0)):
                change(value, zone)
                await until(lambda expected=expected: told(one, expected) and told(two, expected))

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))

"""What goes wrong on a stream, and what the others see of it: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.cloud import SERVER, Agent, Cloud, raw, reply, say
from tests.contract.test_stream_delivery import agents
from tests.waiting import until
from vxloom.agent.stream import Timing as AgentTiming
from vxloom.errors import ConfigError, TransportError
from vxloom.model.wire import MAX_MESSAGE, Claim, Hello, Refused, Report, Welcome, encode
from vxloom.server.gateway import Gateway, Timing
from vxloom.server.gateway.door import Door
from vxloom.settings import ServerSettings
from vxloom.store import backup, records, restore


def test_torn_and_oversized_messages_end_their_own_stream_only(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 2) as (good, bad):
            for torn in (
                b"\x00\x00\x00\x03abc",
                b"GET / HTTP/1.1\r\n\r\n",
                (MAX_MESSAGE + 1).to_bytes(4, "big"),
                b"\x00\x00\xff\xff" + b"x" * 70000,
            ):
                answer = await say(gateway, torn)
                assert answer is None or isinstance(answer, Refused)
            reader, writer = await raw(gateway, bad.identity)
            writer.write(encode(Hello("h1", "192.0.2.2", "", 0, "", {})))
            assert isinstance(await reply(reader), Welcome)
            writer.write(b"\x00\x00\x00\x05\x81\xa1t\xa1?")  # a message of no known kind
            while not isinstance(answer := await reply(reader), Refused):
                assert answer is not None
            assert not answer.final
            writer.transport.abort()
            cloud.nic(network, good.host)
            await until(lambda: vni in good.tables)
            assert good.reasons == [""]
            await until(lambda: bad.stream.connected)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_host_that_falls_silent_is_disconnected_and_its_alert_is_resolved_when_it_speaks(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (agent,):
            host = agent.host
            reader, writer = await raw(gateway, agent.identity)
            gateway._streams[host].end()
        async with cloud.gateway() as gateway:
            reader, writer = await raw(gateway, agent.identity)
            writer.write(encode(Hello("h0", "192.0.2.1", "", 0, "", {})))
            assert isinstance(await reply(reader), Welcome)
            assert cloud.host(host).state is records.HostState.UP
            while await reply(reader) is not None:  # says nothing more, so the gateway ends the stream
                pass
            await until(lambda: cloud.host(host).state is records.HostState.DISCONNECTED)
            await until(lambda: "host.disconnected" in cloud.alerts(host))
            writer.transport.abort()
            back = Agent("h0", tmp_path / "h0", gateway.port)
            async with back.running():
                await until(lambda: cloud.host(host).state is records.HostState.UP)
                await until(lambda: "host.disconnected" not in cloud.alerts(host))

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_host_that_went_while_the_server_was_down_is_noticed(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (agent,):
            assert cloud.host(agent.host).state is records.HostState.UP
        assert cloud.host(agent.host).state is records.HostState.UP  # a server that stops says nothing about its hosts
        async with cloud.gateway():
            await until(lambda: cloud.host(agent.host).state is records.HostState.DISCONNECTED)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_holding_and_findings_become_alerts_once_and_are_resolved(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (agent,):
            for _ in range(3):
                agent.stream.send(Report(healthy=False, holding="another epoch", findings=("vxlan5000 is held by others",)))
            await until(lambda: set(cloud.alerts(agent.host)) == {"host.holding", "host.finding"})
            assert "another epoch" in cloud.alerts(agent.host)["host.holding"]
            await until(lambda: gateway.report(agent.host) is not None)
            agent.stream.send(Report(healthy=True))
            await until(lambda: not cloud.alerts(agent.host))
            with cloud.store.read() as rx:
                assert rx.count(records.Alert, name="host.holding") == 1

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_questions_are_answered_from_any_thread_or_end_at_their_deadline(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (agent,):
            assert await asyncio.to_thread(gateway.ask, agent.host, "plan", 5.0) == b'"plan"'
            agent.answers = False
            with pytest.raises(TransportError, match="did not answer"):
                await asyncio.to_thread(gateway.ask, agent.host, "plan", 0.05)
            with pytest.raises(TransportError, match="not connected"):
                await asyncio.to_thread(gateway.ask, "nobody", "plan", 5.0)
            hanging = asyncio.ensure_future(asyncio.to_thread(gateway.ask, agent.host, "plan", 30.0))
            await until(lambda: gateway._streams[agent.host]._questions)
            gateway.cut(agent.host)
            with pytest.raises(TransportError, match="ended before it answered"):
                await hanging

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_the_holder_of_a_shared_address_moves_and_nobody_claims_for_others(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 2) as (one, two):
            first, second = (cloud.nic(network, agent.host, shared=("10.1.0.200",)) for agent in (one, two))

            def holders() -> list[str]:
                with cloud.store.read() as rx:
                    return [nic.id for nic in rx.all(records.Nic) if nic.held]

            one.stream.send(Claim(first, "10.1.0.200"))
            await until(lambda: holders() == [first])
            one.stream.send(Claim(second, "10.1.0.200"))  # not its NIC
            one.stream.send(Report(healthy=False, holding="a mark behind the claim"))
            await until(lambda: "host.holding" in cloud.alerts(one.host))
            assert holders() == [first]
            two.stream.send(Claim(second, "10.1.0.200"))
            await until(lambda: holders() == [second])
            await until(lambda: one.settled(cloud) and two.settled(cloud))
            assert one.tables[vni] == two.tables[vni]

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


@pytest.mark.slow
def test_two_hundred_agents_are_back_after_the_server_has_restarted(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        network, vni = cloud.network("n")
        calm, patient = Timing(greeting=30.0), AgentTiming(first=0.02, soon=0.1)
        async with contextlib.AsyncExitStack() as stack:
            async with cloud.gateway(timing=calm) as gateway:
                hosts = []
                for number in range(200):
                    token = await asyncio.to_thread(gateway.issue_token, cloud.zone, f"h{number}", "admin")
                    hosts.append(
                        Agent(f"h{number}", tmp_path / f"h{number}", gateway.port, token, vtep=f"192.0.2.{number + 1}", timing=patient)
                    )
                    await stack.enter_async_context(hosts[-1].running())
                await until(lambda: all(agent.stream.connected for agent in hosts), 60)
                for agent in hosts[:5]:
                    cloud.nic(network, agent.host)
            await until(lambda: not any(agent.stream.connected for agent in hosts), 30)
            cloud.nic(network, hosts[0].host)
            async with cloud.gateway(port=gateway.port, timing=calm) as again:
                await until(lambda: len(again.live()) == 200, 60)
                await until(lambda: all(vni in agent.tables and len(agent.tables[vni].ports) == 6 for agent in hosts[:5]), 30)
                assert not any(agent.tables for agent in hosts[5:])

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_restored_store_has_another_history_until_a_person_confirms(tmp_path: Path) -> None:
    async def before(cloud: Cloud) -> tuple[Agent, str]:
        network, _ = cloud.network("n")
        async with cloud.gateway() as gateway, agents(cloud, gateway, tmp_path, 1) as (agent,):
            await until(lambda: agent.settled(cloud))
            backup(tmp_path / "server", "", tmp_path / "backup.tar")
            nic = cloud.nic(network, agent.host)
            await until(lambda: agent.settled(cloud) and bool(agent.tables))
        assert agent.welcome is not None
        assert agent.welcome.lineage
        return agent, nic

    async def after(cloud: Cloud, agent: Agent) -> None:
        agent.seen.clear()
        async with cloud.gateway() as gateway:
            again = Agent("h0", tmp_path / "h0", gateway.port)
            again.tables, again.epoch, again.revision, again.nonce = agent.tables, agent.epoch, agent.revision, agent.nonce
            async with again.running():
                await until(lambda: again.document is not None)
                assert again.welcome is not None
                assert not again.welcome.lineage
                assert again.welcome.epoch != agent.epoch
                assert again.document is not None
                assert again.document.gone_ports == ()  # the old store never sent that port, so it withdraws nothing
                with cloud.store.write("admin") as tx:
                    tx.update(records.Host, again.host, confirmed_epoch=cloud.store.epoch)
                await asyncio.to_thread(gateway.confirm, again.host)
                await until(lambda: again.confirmed is not None)
                assert again.confirmed is not None
                assert again.confirmed.epoch == cloud.store.epoch
                assert again.confirmed.revision >= again.document.revision
            # Confirmed while it was away: it is told when it greets.
            later = Agent("h0", tmp_path / "h0", gateway.port)
            later.tables, later.epoch, later.revision, later.nonce = agent.tables, agent.epoch, agent.revision, agent.nonce
            async with later.running():
                await until(lambda: later.confirmed is not None)

    with Cloud(tmp_path / "server") as cloud:
        agent, _ = asyncio.run(before(cloud))
    restore(tmp_path / "server", "", tmp_path / "backup.tar")
    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(after(cloud, agent))


def test_an_address_in_use_or_malformed_is_said_in_one_line(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway(timing=SERVER) as gateway:
            second = Gateway(ServerSettings(data=tmp_path / "other", agent_listen=f"127.0.0.1:{gateway.port}"), cloud.store)
            with pytest.raises(ConfigError, match="cannot listen"):
                await second.run()
        with pytest.raises(ConfigError, match="ADDRESS:PORT"):
            Gateway(ServerSettings(data=tmp_path / "other", agent_listen="nonsense"), cloud.store)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_flood_of_strangers_is_bounded_and_does_not_shut_out_hosts(tmp_path: Path) -> None:
    limit = 20

    async def scenario(cloud: Cloud) -> None:
        flood: list[socket.socket] = []
        async with cloud.gateway(timing=replace(SERVER, greeting=60.0)) as gateway:
            gateway._door = Door(limit)
            agent = Agent("h1", tmp_path / "h1", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
            async with agent.running():
                await until(lambda: agent.stream.connected)
                for _ in range(3 * limit):
                    there, here = ("127.0.0.1", gateway.port), ("127.0.0.9", 0)
                    flood.append(await asyncio.to_thread(socket.create_connection, there, 5, source_address=here))
                await until(lambda: sum(_is_open(sock) for sock in flood) == limit)
                assert agent.stream.connected
                other = Agent("h2", tmp_path / "h2", gateway.port, gateway.issue_token(cloud.zone, "h2", "admin"))
                async with other.running():
                    await until(lambda: other.stream.connected)
        for sock in flood:
            sock.close()

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def _is_open(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False

"""Who may speak to the gateway: tokens, certificates, renewal, removal."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.cloud import AGENT, Agent, Cloud, raw, reply, say
from tests.waiting import until
from vxloom.agent.identity import Identity, parse_token
from vxloom.errors import IdentityError
from vxloom.model.wire import SCHEMA, Certificate, Hello, Join, Joined, Refused, Renew, Welcome, encode
from vxloom.server.gateway import Gateway
from vxloom.store import records


def hello(**given: object) -> Hello:
    return Hello(**({"name": "h1", "vtep": "192.0.2.1", "epoch": "", "revision": 0, "nonce": "", "segments": {}} | given))  # type: ignore[arg-type]


async def joined(cloud: Cloud, gateway: Gateway, folder: Path, name: str = "h1") -> Identity:
    token = gateway.issue_token(cloud.zone, name, "admin")
    identity = Identity.load(folder)
    answer = await say(gateway, Join(token, identity.csr(name), name))
    assert isinstance(answer, Joined)
    identity.joined_as(answer.certificate, answer.authority, parse_token(token))
    return identity


def refused(answer: object, words: str, *, final: bool = True) -> None:
    assert isinstance(answer, Refused), answer
    assert words in answer.reason
    assert answer.final is final


def test_a_token_redeemed_by_a_key_can_be_redeemed_again_by_it_and_by_no_other(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            token = gateway.issue_token(cloud.zone, "h1", "admin")
            first, other = Identity.load(tmp_path / "a"), Identity.load(tmp_path / "b")
            answers = [await say(gateway, Join(token, first.csr("h1"), "h1")) for _ in range(2)]
            assert isinstance(answers[0], Joined)
            assert isinstance(answers[1], Joined)
            assert answers[0].host == answers[1].host
            refused(await say(gateway, Join(token, other.csr("h1"), "h1")), "already used")
            first.joined_as(answers[1].certificate, answers[1].authority, parse_token(token))
            assert isinstance(await say(gateway, hello(), first), Welcome)
            with cloud.store.read() as rx:
                assert rx.count(records.Host) == 1

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_unknown_expired_damaged_and_foreign_tokens_are_refused_and_change_nothing(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud, stranger: Cloud) -> None:
        async with cloud.gateway() as gateway, stranger.gateway() as foreign:
            csr = Identity.load(tmp_path / "a").csr("h1")
            old, forgotten = (gateway.issue_token(cloud.zone, "h1", "admin") for _ in range(2))
            with cloud.store.write("test") as tx:
                rows = tx.all(records.JoinToken)
                tx.update(records.JoinToken, rows[0].id, expires=time.time() - 1)
                tx.delete(records.JoinToken, rows[1].id)
            refused(await say(gateway, Join(old, csr, "h1")), "expired")
            refused(await say(gateway, Join(forgotten, csr, "h1")), "unknown")
            refused(await say(gateway, Join("vxl1.%%%", csr, "h1")), "damaged")
            refused(await say(gateway, Join("sesame", csr, "h1")), "not a join token")
            refused(await say(gateway, Join(foreign.issue_token(stranger.zone, "h1", "admin"), csr, "h1")), "another cloud")
            refused(await say(gateway, Join(gateway.issue_token(cloud.zone, "h1", "admin"), "no request", "h1")), "request")
            with cloud.store.read() as rx:
                assert rx.count(records.Host) == 0
                assert rx.count(records.Certificate) == 0

    with Cloud(tmp_path / "server") as cloud, Cloud(tmp_path / "stranger") as stranger:
        asyncio.run(scenario(cloud, stranger))


def test_an_agent_never_shows_its_token_to_a_server_of_another_ca(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud, stranger: Cloud) -> None:
        async with cloud.gateway() as gateway, stranger.gateway() as foreign:
            token = gateway.issue_token(cloud.zone, "h1", "admin")
            agent = Agent("h1", tmp_path / "h1", foreign.port, token)
            async with agent.running():
                await until(lambda: "CA is not the one" in agent.stream.problem)
            assert not agent.identity.joined
            # Neither does one that has joined greet it.
            member = Agent("h1", tmp_path / "h1", gateway.port, token)
            async with member.running():
                await until(lambda: member.stream.connected)
            astray = Agent("h1", tmp_path / "h1", foreign.port)
            async with astray.running():
                await until(lambda: "is not the server this host joined" in astray.stream.problem)

    with Cloud(tmp_path / "server") as cloud, Cloud(tmp_path / "stranger") as stranger:
        asyncio.run(scenario(cloud, stranger))


def test_without_a_certificate_a_stream_may_only_join(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            refused(await say(gateway, hello()), "only join")
            refused(await say(gateway, Renew("x")), "only join")

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_removed_host_is_cut_within_a_second_and_refused_from_then_on(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            agent = Agent("h1", tmp_path / "h1", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
            async with agent.running():
                await until(lambda: agent.settled(cloud))
                with cloud.store.write("test") as tx:
                    tx.remove_host(agent.host)
                await until(lambda: not agent.stream.connected, 1.0)
                await until(lambda: "was removed from the cloud" in agent.stream.problem)
            assert gateway.live() == frozenset()
            # Its token is spent; a new one brings it back as a new host.
            old = agent.host
            back = Agent("h1", tmp_path / "h1", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
            async with back.running():
                await until(lambda: back.stream.connected)
                assert back.host != old

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_refused_host_joins_again_as_soon_as_it_is_given_a_new_token(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            agent = Agent("h1", tmp_path / "h1", gateway.port, timing=replace(AGENT, refused=600.0))
            async with agent.running():
                await until(lambda: "there is no token" in agent.stream.problem)
                agent.settings.token_file.write_text(gateway.issue_token(cloud.zone, "h1", "admin"))
                await until(lambda: agent.stream.connected)
                former = agent.host
                with cloud.store.write("test") as tx:
                    tx.remove_host(former)
                await until(lambda: "removed" in agent.stream.problem)
                agent.settings.token_file.write_text(gateway.issue_token(cloud.zone, "h1", "admin"))
                await until(lambda: agent.stream.connected and agent.host != former)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_host_that_joins_afresh_ends_the_stream_of_its_former_key(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            former = Agent("h1", tmp_path / "old", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
            async with former.running():
                await until(lambda: former.settled(cloud))
                fresh = Agent("h1", tmp_path / "new", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
                async with fresh.running():
                    await until(lambda: fresh.settled(cloud))
                    await until(lambda: "replaced by a newer one" in former.stream.problem)
                    assert fresh.host == former.host
                    assert fresh.stream.connected

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_certificates_are_renewed_on_the_stream_and_the_old_one_ends_when_the_new_is_used(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway(lifetime=timedelta(seconds=6)) as gateway:
            agent = Agent("h1", tmp_path / "h1", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
            async with agent.running():
                await until(lambda: agent.stream.connected)
                before = agent.identity.renewal()
                await until(lambda: agent.identity.renewal() > before)
                assert agent.reasons == [""]  # one stream, never lost
            held = (tmp_path / "h1" / "identity" / "host.crt").read_text()
            again = Agent("h1", tmp_path / "h1", gateway.port)
            async with again.running():
                await until(lambda: again.stream.connected)
            assert held.startswith("-----BEGIN CERTIFICATE-----")
            with cloud.store.read() as rx:
                assert rx.count(records.Certificate, host=agent.host) <= 3

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_an_ended_certificate_may_only_be_renewed_and_a_host_that_was_off_comes_back(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway(lifetime=timedelta(seconds=1)) as gateway:
            identity = await joined(cloud, gateway, tmp_path / "h1")
            await until(identity.expired)
            refused(await say(gateway, hello(), identity), "has ended", final=False)
        async with cloud.gateway(lifetime=timedelta(days=1)) as gateway:
            agent = Agent("h1", tmp_path / "h1", gateway.port)
            async with agent.running():
                await until(lambda: agent.stream.connected)
            assert agent.identity.renewal() > datetime.now(UTC)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_certificate_is_renewed_for_its_own_key_only(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            identity = await joined(cloud, gateway, tmp_path / "h1")
            refused(await say(gateway, Renew(Identity.load(tmp_path / "other").csr("h1")), identity), "same key")
            answer = await say(gateway, Renew(identity.csr("h1")), identity)
            assert isinstance(answer, Certificate)
            with pytest.raises(IdentityError):
                Identity.load(tmp_path / "other").joined_as(answer.certificate, "", parse_token(gateway.issue_token(cloud.zone, "x", "t")))
            identity.renewed(answer.certificate)
            assert isinstance(await say(gateway, hello(), identity), Welcome)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_newer_schema_is_refused_with_the_side_to_upgrade(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            identity = await joined(cloud, gateway, tmp_path / "h1")
            refused(await say(gateway, hello(schema=SCHEMA + 1), identity), "upgrade the management server")
            token = gateway.issue_token(cloud.zone, "h2", "admin")
            refused(await say(gateway, Join(token, identity.csr("h2"), "h2", schema=SCHEMA + 1)), "upgrade the management server")

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_second_stream_of_a_host_ends_the_first(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            identity = await joined(cloud, gateway, tmp_path / "h1")
            first, first_writer = await raw(gateway, identity)
            first_writer.write(encode(hello()))
            assert isinstance(await reply(first), Welcome)
            second, second_writer = await raw(gateway, identity)
            second_writer.write(encode(hello()))
            assert isinstance(await reply(second), Welcome)
            while await reply(first) is not None:
                pass
            assert gateway.live() == {identity.host}
            first_writer.transport.abort()
            second_writer.transport.abort()

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_a_tunnel_end_point_is_one_hosts(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            first = Agent("h1", tmp_path / "h1", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"), vtep="192.0.2.1")
            second = Agent("h2", tmp_path / "h2", gateway.port, gateway.issue_token(cloud.zone, "h2", "admin"), vtep="192.0.2.1")
            async with first.running():
                await until(lambda: first.stream.connected)
                async with second.running():
                    await until(lambda: "that of host h1 already" in second.stream.problem)
                    assert cloud.host(second.host).vtep == ""
                    assert "192.0.2.1" in cloud.alerts(second.host)["host.vtep"]
                    assert first.stream.connected
                    second.vtep = "nowhere"
                    await until(lambda: "no unicast address" in second.stream.problem)
                    second.vtep = "192.0.2.2"
                    await until(lambda: second.stream.connected)
                    assert "host.vtep" not in cloud.alerts(second.host)
                    assert cloud.host(second.host).vtep == "192.0.2.2"

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


def test_two_agents_with_one_identity_raise_an_alert(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            one = Agent("h1", tmp_path / "h1", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
            async with one.running():
                await until(lambda: one.stream.connected)
                copy = Agent("h1", tmp_path / "h1", gateway.port)
                async with copy.running():
                    await until(lambda: "host.twice" in cloud.alerts(one.host))
                    assert "127.0.0.1" in cloud.alerts(one.host)["host.twice"]
                await until(lambda: one.stream.connected)

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))


@pytest.mark.parametrize("held", [{-1: (1, 1)}, {1 << 24: (1, 1)}, {1 << 63: (1, 1)}, dict.fromkeys(range(20000), (1, 1))])
def test_a_host_cannot_empty_the_pool_by_what_it_says_it_holds(tmp_path: Path, held: dict[int, tuple[int, int]]) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            identity = await joined(cloud, gateway, tmp_path / "h1")
            answer = await say(gateway, hello(segments=held), identity)
            refused(answer, "the host says it holds", final=False)
        with cloud.store.read() as rx:
            assert rx.count(records.Belief) == rx.count(records.VniAllocation) == 0

    with Cloud(tmp_path / "server") as cloud:
        asyncio.run(scenario(cloud))

"""A real agent on a simulated kernel, a real gateway, a real store: laws 6, 9 and 11 from end to end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv6Address
from pathlib import Path

import msgspec
import pytest

from tests import agents
from tests.contract.bench import SimulatedBench
from tests.contract.cloud import AGENT, Cloud
from tests.waiting import wait_until
from vxloom.agent.identity import Identity
from vxloom.agent.questions import Look
from vxloom.agent.stream import Stream
from vxloom.model.host import tap_name
from vxloom.model.show import MOST, Drift, Row, Shown
from vxloom.model.wire import MAX_MESSAGE, SHOW
from vxloom.server.gateway import Gateway
from vxloom.store import backup, records, restore


class StreamingAgent(agents.Agent):
    """A core with its stream, in a thread of its own."""

    async def _main(self) -> None:
        self.stream = Stream(self._settings, Identity.load(self._settings.state_dir), _Later(self), timing=AGENT)
        task = asyncio.create_task(self._streaming())
        await super()._main()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _streaming(self) -> None:
        self.core.send = self._tee
        await self.stream.run()

    def _tee(self, message: object) -> bool:
        self.said.append(message)  # type: ignore[arg-type]
        return self.stream.send(message)  # type: ignore[arg-type]

    @property
    def host(self) -> str:
        return self.stream._identity.host


class _Later:
    """Stands for the core, which is made after the stream."""

    def __init__(self, agent: agents.Agent) -> None:
        self._agent = agent

    def __getattr__(self, name: str) -> object:
        return getattr(self._agent.core, name)


@contextmanager
def serving(cloud: Cloud, port: int = 0) -> Iterator[Gateway]:
    """Run a gateway in a thread."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    found: list[Gateway] = []
    over = asyncio.Event()

    async def serve() -> None:
        async with cloud.gateway(port=port) as gateway:
            found.append(gateway)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(serve()), loop.close()))
    thread.start()
    try:
        assert ready.wait(10)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)


@contextmanager
def agent_of(
    folder: Path, gateway: Gateway, cloud: Cloud, bench: SimulatedBench | None = None, looks: Mapping[str, Look] | None = None
) -> Iterator[StreamingAgent]:
    token = folder / "join.token"
    if not token.exists():
        folder.mkdir(parents=True)
        token.write_text(gateway.issue_token(cloud.zone, "h1", "admin"))
    agent = StreamingAgent(folder, bench or SimulatedBench(), server=f"127.0.0.1:{gateway.port}", token_file=token)
    agent.looks = looks or {}
    agent.start()
    try:
        wait_until(lambda: agent.stream.connected, "the stream", seconds=10)
        yield agent
    finally:
        agent.stop()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path / "server") as cloud:
        yield cloud


def taps(agent: StreamingAgent, *nics: str) -> None:
    wanted = {tap_name(nic) for nic in nics}
    wait_until(lambda: agent.taps() == wanted, f"taps of {len(nics)} NICs", seconds=10)


def job_for(cloud: Cloud, network: str, host: str) -> tuple[str, str]:
    """Deploy a NIC with a job that waits for the host; return (NIC, job)."""
    nic = cloud.nic(network)
    with cloud.store.write("test") as tx:
        admin = tx.one(records.User)
        assert admin is not None
        job = tx.start_job(command="test", account=admin.account, user=admin.id)
        tx.bind(nic, host)
        tx.wait_host(job.id, host, records.WaitRole.MUST)
        tx.wait_segment(job.id, host, records.WaitRole.MUST, network)
    return nic, job.id


def acknowledged(cloud: Cloud, job: str) -> bool:
    with cloud.store.read() as rx:
        waits = rx.waits(job)
    return bool(waits) and all(wait.acked for wait in waits)


def test_the_largest_answer_passes_and_what_it_is_about_arrives(tmp_path: Path, cloud: Cloud) -> None:
    longest = Row(
        vni=16777214,
        device="d" * 15,
        bridge="b" * 15,
        kind="permanent",
        mac="02:00:00:00:00:01",
        vtep=str(IPv6Address(2**128 - 1)),
        tables="vxlan+bridge",
        flags=("sticky", "extern"),
        drift=Drift.MISSING,
        detail=f"wanted at {IPv6Address(2**128 - 1)}",
    )
    about: list[bytes] = []

    def look(asked: bytes) -> bytes:
        about.append(asked)
        return msgspec.json.encode(Shown("h1", [longest] * MOST, 10**6, {Drift.MISSING: 10**6}))

    with serving(cloud) as gateway, agent_of(tmp_path / "h1", gateway, cloud, looks={SHOW: look}) as agent:
        body = gateway.ask(agent.host, SHOW, 15.0, b'{"view":"fdb"}')
        assert agent.stream.connected
    assert about == [b'{"view":"fdb"}']
    assert msgspec.json.decode(body, type=Shown).rows == [longest] * MOST
    assert len(body) < MAX_MESSAGE / 4


def test_a_nic_gets_to_the_kernel_and_back_out_of_it(tmp_path: Path, cloud: Cloud) -> None:
    network, vni = cloud.network("n")
    with serving(cloud) as gateway, agent_of(tmp_path / "h1", gateway, cloud) as agent:
        nic, job = job_for(cloud, network, agent.host)
        taps(agent, nic)
        wait_until(lambda: acknowledged(cloud, job), "the acknowledgements", seconds=10)
        assert ("vxlan", f"vxlan{vni}") in agent.driver.observe().resources
        assert b"plan" in gateway.ask(agent.host, "plan", 10.0)
        cloud.unbind(nic, agent.host)
        wait_until(lambda: not agent.driver.observe().resources, "nothing of ours left", seconds=10)

        def believed() -> int:
            with cloud.store.read() as rx:
                return rx.count(records.Belief, host=agent.host)

        wait_until(lambda: believed() == 0, "the host's word that nothing is left", seconds=10)


def test_a_job_hears_again_from_a_host_that_was_ready_when_its_stream_broke(tmp_path: Path, cloud: Cloud) -> None:
    """The host acknowledged into a dead stream; on the next one it says so again, although it was told nothing new."""
    network, _ = cloud.network("n")
    with serving(cloud) as gateway, agent_of(tmp_path / "h1", gateway, cloud) as agent:
        nic, job = job_for(cloud, network, agent.host)
        wait_until(lambda: acknowledged(cloud, job), "the acknowledgements", seconds=10)
        with cloud.store.write("test") as tx:
            for wait in tx.waits(job):
                tx.update(records.JobWait, wait.id, acked=False)
        agent.do(lambda: agent.stream._writer.transport.abort() if agent.stream._writer else None)
        wait_until(lambda: acknowledged(cloud, job), "the acknowledgements again", seconds=10)
        taps(agent, nic)


def test_without_a_server_drift_is_repaired_and_a_server_that_returns_changes_nothing(tmp_path: Path, cloud: Cloud) -> None:
    network, vni = cloud.network("n")
    with serving(cloud) as gateway:
        port, keep = gateway.port, agent_of(tmp_path / "h1", gateway, cloud)
        agent = keep.__enter__()
        try:
            nic, _ = job_for(cloud, network, agent.host)
            taps(agent, nic)
        except BaseException:
            keep.__exit__(None, None, None)
            raise
    try:
        wait_until(lambda: not agent.stream.connected, "the stream's end", seconds=10)
        before = agent.driver.observe()
        agent.bench.delete_link(f"vxlan{vni}")
        wait_until(lambda: agent.driver.observe() == before, "the repair", seconds=10)
        with serving(cloud, port):
            wait_until(lambda: agent.stream.connected, "the stream", seconds=10)
            wait_until(lambda: agent.core._held.revision == _revision(cloud), "being current", seconds=10)
            assert agent.driver.observe() == before
            assert not agent.core._held.holding
    finally:
        keep.__exit__(None, None, None)


def test_an_older_backup_withdraws_nothing_and_says_so_until_a_person_confirms(tmp_path: Path) -> None:
    bench = SimulatedBench()
    with Cloud(tmp_path / "server") as cloud, serving(cloud) as gateway:
        network, _ = cloud.network("n")
        with agent_of(tmp_path / "h1", gateway, cloud, bench) as agent:
            first = cloud.nic(network, agent.host)
            taps(agent, first)
            backup(tmp_path / "server", "", tmp_path / "backup.tar")
            second = cloud.nic(network, agent.host)
            taps(agent, first, second)
            port = gateway.port
    restore(tmp_path / "server", "", tmp_path / "backup.tar")
    with Cloud(tmp_path / "server") as cloud, serving(cloud, port) as gateway, agent_of(tmp_path / "h1", gateway, cloud, bench) as agent:
        wait_until(lambda: "host.holding" in cloud.alerts(agent.host), "the alert", seconds=15)
        third, job = job_for(cloud, network, agent.host)
        wait_until(lambda: acknowledged(cloud, job), "what is added while holding", seconds=10)
        taps(agent, first, second, third)
        with cloud.store.write("admin") as tx:
            tx.update(records.Host, agent.host, confirmed_epoch=cloud.store.epoch)
        gateway.confirm(agent.host)
        taps(agent, first, third)
        wait_until(lambda: "host.holding" not in cloud.alerts(agent.host), "the alert's end", seconds=15)


def _revision(cloud: Cloud) -> int:
    with cloud.store.read() as rx:
        return rx.zone_revision(cloud.zone)[0]

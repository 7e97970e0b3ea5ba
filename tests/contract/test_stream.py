"""The two ends of the stream, over real TLS on loopback, with a real store."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.contract.cloud import Agent, Cloud
from tests.waiting import until
from vxloom.store import records


def test_joined_host_is_sent_its_document_and_table_and_its_word_reaches_the_job(tmp_path: Path) -> None:
    async def scenario() -> None:
        cloud = Cloud(tmp_path / "server")
        network, vni = cloud.network("n1")
        async with cloud.gateway() as gateway:
            agent = Agent("h1", tmp_path / "h1", gateway.port, gateway.issue_token(cloud.zone, "h1", "admin"))
            async with agent.running():
                await until(lambda: agent.stream.connected)
                assert cloud.host(agent.host).state is records.HostState.UP
                assert gateway.live() == {agent.host}
                nic = cloud.nic(network)
                with cloud.store.write("test") as tx:
                    admin = tx.one(records.User)
                    assert admin is not None
                    job = tx.start_job(command="test", account=admin.account, user=admin.id)
                    tx.bind(nic, agent.host)
                    tx.wait_host(job.id, agent.host, records.WaitRole.MUST)
                    tx.wait_segment(job.id, agent.host, records.WaitRole.MUST, network)
                await until(lambda: agent.settled(cloud))
                assert agent.document is not None
                assert len(agent.document.ports) == 1
                assert len(agent.tables[vni].ports) == 1

                def acknowledged() -> bool:
                    with cloud.store.read() as rx:
                        return all(wait.acked for wait in rx.waits(job.id))

                await until(acknowledged)
        cloud.store.close()

    asyncio.run(scenario())

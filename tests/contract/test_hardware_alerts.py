"""From a host's readings to alerts and events in the store, and back; and who is the last choice for a machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.contract.cloud import Cloud
from tests.contract.test_simulated_hosts import add
from tests.waiting import until
from vxloom.model.hardware import Hardware, Link, Sensor
from vxloom.server.gateway import Gateway
from vxloom.store import records

WELL = Hardware(sensors=(Sensor("cpu", 50),), links=(Link("eth0", True), Link("eth1", True)))
HOT = Hardware(sensors=(Sensor("cpu", 99),), links=WELL.links)
WARM = Hardware(sensors=(Sensor("cpu", 90),), links=WELL.links)


def say(gateway: Gateway, host: str, hardware: Hardware) -> None:
    gateway._simulator.host(host).hardware = hardware


def alerts(cloud: Cloud, host: str) -> dict[str, tuple[int, str]]:
    with cloud.store.read() as rx:
        return {row.name: (row.type, row.description) for row in rx.all(records.Alert, subject=host, resolved=None)}


def events(cloud: Cloud) -> list[tuple[str, str]]:
    with cloud.store.read() as rx:
        return [(row.level, row.description) for row in rx.all(records.Event, type="HOST.HEALTH", order="created")]


def play(tmp_path: Path, scenario: Callable[[Cloud], Awaitable[None]]) -> None:
    with Cloud(tmp_path) as cloud:
        with cloud.store.write("test") as tx:
            tx.set_setting("vxloom.health.cured.seconds", "0")
        asyncio.run(scenario(cloud))


def test_an_alert_is_raised_with_its_event_and_resolved_when_cured(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            one, two = await add(cloud, gateway, "s1", "s2")
            say(gateway, one, HOT)
            say(gateway, two, WELL)
            await until(lambda: bool(alerts(cloud, one)))
            assert alerts(cloud, one) == {"host.temperature": (7, "host s1: cpu at 99 °C, critical from 95 on")}
            assert gateway.strained() == {one: "is too hot"}
            await until(lambda: gateway.health(two) is not None)
            say(gateway, one, WARM)
            await until(lambda: alerts(cloud, one) == {"host.temperature": (7, "host s1: cpu at 90 °C, too warm from 85 on")})
            say(gateway, one, WELL)
            await until(lambda: not alerts(cloud, one))
            assert gateway.strained() == {}
            assert alerts(cloud, two) == {}
            assert events(cloud) == [
                ("ERROR", "host s1: cpu at 99 °C, critical from 95 on"),
                ("WARN", "host s1: cpu at 90 °C, too warm from 85 on"),
                ("INFO", "cured: host s1: cpu at 90 °C, too warm from 85 on"),
            ]

    play(tmp_path, scenario)


def test_a_threshold_that_is_changed_counts_without_a_word_of_the_host_and_a_zones_own_before_the_global_one(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            [one] = await add(cloud, gateway, "s1")
            say(gateway, one, WELL)
            await until(lambda: gateway.health(one) is not None)
            with cloud.store.write("test") as tx:
                tx.set_setting("vxloom.health.temperature.warning", "40", zone=cloud.zone)
                tx.set_setting("vxloom.health.temperature.warning", "70")
            await until(lambda: _tell_again(gateway, one) and "too warm from 40" in alerts(cloud, one).get("host.temperature", (7, ""))[1])
            with cloud.store.write("test") as tx:
                tx.set_setting("vxloom.health.temperature.critical", "45")
            await until(lambda: _tell_again(gateway, one) and "critical from 45" in alerts(cloud, one)["host.temperature"][1])

    play(tmp_path, scenario)


def _tell_again(gateway: Gateway, host: str) -> bool:
    """A report that says nothing new, as agents send every few seconds."""
    stream = gateway._streams[host]
    assert stream.report is not None
    gateway.reported(stream, stream.report)
    return True


def test_what_wanders_or_stays_as_it_is_writes_nothing(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            [one] = await add(cloud, gateway, "s1")
            say(gateway, one, HOT)
            await until(lambda: bool(alerts(cloud, one)))
            for celsius in (101, 97, 103):
                say(gateway, one, Hardware(sensors=(Sensor("cpu", celsius),), links=WELL.links))
                await until(lambda celsius=celsius: gateway.health(one).hardware.sensors[0].celsius == celsius)  # type: ignore[misc, union-attr]
            await until(lambda: not gateway._ledger._batch)
            _tell_again(gateway, one)
            assert not gateway._ledger._batch, "not even a read of the store"
            assert len(events(cloud)) == 1
            assert alerts(cloud, one)["host.temperature"][1].startswith("host s1: cpu at 99 °C")

    play(tmp_path, scenario)


def test_an_alert_left_by_an_earlier_server_is_resolved_by_the_first_word(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud) -> None:
        async with cloud.gateway() as gateway:
            [one] = await add(cloud, gateway, "s1")
            say(gateway, one, HOT)
            await until(lambda: bool(alerts(cloud, one)))
        async with cloud.gateway() as gateway:
            assert "host.temperature" in alerts(cloud, one)
            say(gateway, one, WELL)
            await until(lambda: not alerts(cloud, one))
            say(gateway, one, HOT)
            await until(lambda: bool(alerts(cloud, one)))
            with cloud.store.write("test") as tx:
                tx.resolve_alert("host.temperature", one)  # as another server may, which the host spoke to meanwhile
            gateway.reconnect(one)
            await until(lambda: gateway.health(one) is None)  # nothing is believed of a host that is away
            await until(lambda: bool(alerts(cloud, one)))

    play(tmp_path, scenario)

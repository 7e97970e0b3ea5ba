"""A store with one network and a NIC on each of two hosts: what the store's laws are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.unit.store.world import World
from vxloom.errors import RequestError
from vxloom.store import Transaction, records


@pytest.fixture
def world(database: str) -> Iterator[World]:
    made = World.make(database, vnis="5000-5000")
    yield made
    made.store.close()


class Pair:
    """One network, a NIC on each of two hosts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.here, self.there, self.idle = world.hosts
        with world.store.write("test") as tx:
            self.network = world.segment(tx)
            self.a, self.b = world.nic(tx, self.network), world.nic(tx, self.network)
            tx.bind(self.a, self.here)
            tx.bind(self.b, self.there)

    def take_away(self, nic: str, host: str) -> None:
        with self.world.store.write("test") as tx:
            tx.unbind(nic, host)
            tx.release_nic(nic)

    def end(self) -> None:
        self.take_away(self.a, self.here)
        self.take_away(self.b, self.there)
        with self.world.store.write("test") as tx:
            tx.release_vni(self.network)
            tx.delete(records.Network, self.network)

    def vni_is_free(self) -> bool:
        return allowed(self.world, lambda tx: tx.take_vni(self.world.network(tx, "probe")))


class _UndoneError(Exception):
    pass


def allowed(world: World, attempt: Callable[[Transaction], object]) -> bool:
    """Whether the store would do it now, after freeing what can be freed. It is not done."""

    def and_undo(tx: Transaction) -> None:
        attempt(tx)
        raise _UndoneError

    world.store.reap()
    with pytest.raises((RequestError, _UndoneError)) as caught, world.store.write("test") as tx:
        and_undo(tx)
    return caught.type is _UndoneError


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)

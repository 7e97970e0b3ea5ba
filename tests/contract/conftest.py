"""Every law that concerns the agent is proved on the simulated kernel and on the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.contract.bench import Bench, SimulatedBench
from tests.kernel.bench import KernelBench
from tests.kernel.netns import fresh_netns


@pytest.fixture(params=["simulated", "kernel"])
def make_bench(request) -> Iterator[Callable[[], Bench]]:
    """Makes hosts of one kind; the last one made is the one that newly started threads live on."""
    with ExitStack() as held:

        def make() -> Bench:
            if request.param == "simulated":
                return SimulatedBench()
            bench = KernelBench(held.enter_context(fresh_netns()))
            held.callback(bench.close)
            return bench

        yield make


@pytest.fixture
def bench(make_bench: Callable[[], Bench]) -> Bench:
    return make_bench()

"""Law 4 on the real kernel: the suite of tests/contract/laws.py, with iproute2 and nft as the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.bench import Bench
from tests.contract.laws import DriverLaws
from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns


class TestKernel(DriverLaws):
    @pytest.fixture
    def bench(self, netns: Netns) -> Iterator[Bench]:
        bench = KernelBench(netns)
        yield bench
        bench.close()

"""Every kernel test runs inside a network namespace of its own, asked for or not: none of them can reach the real machine's network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.kernel.netns import Netns, fresh_netns


@pytest.fixture(autouse=True)
def netns() -> Iterator[Netns]:
    """The namespace that the test's body runs in; `lo` is up, nothing else is there."""
    with fresh_netns() as entered:
        yield entered


@pytest.fixture
def make_netns(netns: Netns) -> Iterator[Callable[[], Netns]]:
    """Further namespaces (not entered), gone after the test."""
    with ExitStack() as held:
        yield lambda: held.enter_context(Netns())

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cs import CloudStack

from tests.api.world import Hosts, Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def api(server: Server) -> CloudStack:
    return server.client()


@pytest.fixture(scope="module")
def hosts(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with Hosts(server, tmp_path_factory.mktemp("agents")) as hosts:
        yield hosts

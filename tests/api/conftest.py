from __future__ import annotations

from collections.abc import Iterator

import pytest
from cs import CloudStack

from tests.api.cloud import Cloud, make_cloud
from tests.api.programs import Programs
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


@pytest.fixture(scope="module")
def cloud(api: CloudStack) -> Cloud:
    return make_cloud(api, "simulated", "sim1", "sim2")


@pytest.fixture(scope="module")
def programs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(server.exports, tmp_path_factory.mktemp("home"))

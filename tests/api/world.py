"""A real server process on loopback, agents that keep tables in memory, and the unmodified `cs` client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from cs import CloudStack

from tests.contract.cloud import Agent
from tests.waiting import wait_until
from vxloom.agent.stream import Timing

TIMING = Timing(first=0.02, soon=0.1, late=0.2)
SCRIPTS = Path(sys.executable).parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Server:
    """`vxloom server` in a process of its own, which dies with us."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self._options = options
        self.program = [str(SCRIPTS / "vxloom")]
        self.log = data.parent / "server.log"
        self.port, self.agent_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        address = ["--listen", f"127.0.0.1:{self.port}", "--agent-listen", f"127.0.0.1:{self.agent_port}"]
        command = [*self.program, "server", "--data", str(self.data), *address, *self._options]
        with self.log.open("ab") as log:
            # setpriv: the kernel ends the server when this process ends, however it ends
            self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=log, stderr=log)
        wait_until(self._answers, "the server listens", seconds=30)

    def _answers(self) -> bool:
        process = self._process
        assert process is not None
        assert process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return (self.data / "admin.env").exists()
        return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    @property
    def exports(self) -> dict[str, str]:
        return dict(re.findall(r"^export (\w+)=(\S+)$", (self.data / "admin.env").read_text(), re.MULTILINE))

    def client(self, key: str = "", secret: str = "", **options: Any) -> CloudStack:
        exports = self.exports
        return CloudStack(
            exports["CLOUDSTACK_ENDPOINT"],
            key or exports["CLOUDSTACK_KEY"],
            secret or exports["CLOUDSTACK_SECRET"],
            **({"timeout": 30, "poll_interval": 0.02, "job_timeout": 60} | options),
        )

    def cli(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSTACK")} | self.exports | environment
        return subprocess.run(
            [str(SCRIPTS / "cs"), *arguments], env=env, capture_output=True, text=True, timeout=60, check=False, cwd=self.data.parent
        )


class Host(Agent):
    """An agent that can be made to say nothing."""

    mute = False

    def _acknowledge(self) -> None:
        if not self.mute:
            super()._acknowledge()


class Hosts:
    """Agents in a thread with their own loop."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hosts", daemon=True)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self.agents: dict[str, Host] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._streams):
            self.disconnect(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def join(self, api: CloudStack, zone: str, name: str) -> str:
        """Make a token, start an agent with it, and return the id of the host it became."""
        token = api.createHostJoinToken(name=name, zoneid=zone)["hostjointoken"]["token"]
        vtep = f"192.0.2.{len(self.agents) + 1}"
        self.agents[name] = Host(name, self._folder / name, self._server.agent_port, token, vtep, timing=TIMING)
        self.connect(name)
        wait_until(lambda: self.state(api, name) == "Up", f"{name} is Up", seconds=15)
        return self.agents[name].host

    def state(self, api: CloudStack, name: str) -> str | None:
        found = api.listHosts(name=name).get("host", [{}])
        return found[0].get("state")

    def connect(self, name: str) -> None:
        async def begin() -> asyncio.Task[None]:
            return asyncio.create_task(self.agents[name].stream.run())

        self._streams[name] = asyncio.run_coroutine_threadsafe(begin(), self._loop).result(10)

    def disconnect(self, name: str) -> None:
        async def end(task: asyncio.Task[None]) -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(self._streams.pop(name)), self._loop).result(10)

    def say(self, name: str, *, mute: bool) -> None:
        """Silence an agent, or let it speak again: then it says at once what it kept back."""
        agent = self.agents[name]
        agent.mute = mute
        self._do(agent._acknowledge)

    def _do(self, action: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    server = Server(folder / "data", *options)
    server.data.parent.mkdir(parents=True, exist_ok=True)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def result(api: CloudStack, command: str, **parameters: Any) -> Any:
    """Call, wait for the job if there is one, and return what is inside."""
    return getattr(api, command)(fetch_result=True, **parameters)


def make_zone(api: CloudStack, name: str = "lab") -> str:
    """From nothing to an enabled zone, in the order the handbook says."""
    zone = api.createZone(name=name, networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"]
    physical = result(api, "createPhysicalNetwork", name="overlay", zoneid=zone, isolationmethods="VXLAN")["physicalnetwork"]["id"]
    result(api, "addTrafficType", physicalnetworkid=physical, traffictype="Guest", kvmnetworklabel="cloudbr0")
    result(api, "updatePhysicalNetwork", id=physical, vlan="5000-16777214", state="Enabled")
    return str(api.updateZone(id=zone, allocationstate="Enabled")["zone"]["id"])


def sizes(api: CloudStack) -> dict[str, str]:
    size = api.listServiceOfferings()["serviceoffering"][0]["id"]
    return {"serviceofferingid": size, "templateid": api.listTemplates(templatefilter="executable")["template"][0]["id"]}


def offering(api: CloudStack, kind: str) -> str:
    return str(api.listNetworkOfferings(guestiptype=kind, state="Enabled")["networkoffering"][0]["id"])

"""The process that owns a lab: makes the nodes, carries the API port, keeps long-lived processes, and takes all with it.

Started by ``Lab.up`` as ``python -m vxloom.lab.supervisor`` with an owner's socket; everything it makes hangs on its
life: holders by parent-death signal, namespaces and mounts by their holders, the state directory by the sweeper. So
ending it, in whatever way, ends the lab, and there is no other clean-up code to get wrong.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from vxloom.errors import VxloomError
from vxloom.lab import control, entry, state, topology
from vxloom.lab.holder import Birth, Held, start_time
from vxloom.lab.relay import Relay
from vxloom.lab.topology import NodeSpec, Spec

API_PORT = 8080
_FORK_SECONDS = 5.0


class Process:
    """One long-lived process in a node, its output in a log file."""

    def __init__(self, request: control.Spawn, holder: int, log: Path) -> None:
        self.request = request
        self.log = log
        with log.open("ab") as output:
            self._carrier = subprocess.Popen(
                ["setpriv", "--pdeathsig=CONT", "--", *entry.command(holder, request.argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=entry.environment(request.env),
                start_new_session=True,
            )
        self.pid = self._wait_for_pid()

    def _wait_for_pid(self) -> int:
        deadline = time.monotonic() + _FORK_SECONDS
        while time.monotonic() < deadline:
            if (pid := entry.child_of(self._carrier.pid)) is not None:
                return pid
            if self._carrier.poll() is not None:
                break
            time.sleep(0.001)
        return self._carrier.pid  # it has already ended; its status and log say why

    def report(self) -> control.ProcessReport:
        return control.ProcessReport(
            node=self.request.node,
            name=self.request.name,
            argv=self.request.argv,
            env=self.request.env,
            pid=self.pid,
            exit_status=self._carrier.poll(),
            log=str(self.log),
        )

    def send(self, number: int) -> None:
        """Signal the process; one that has ended is left alone.

        ``nsenter`` stops when what it carries is stopped, so it has to be told of going on, too: else nobody sees the process end.
        """
        if self._carrier.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
                if number == signal.SIGCONT:
                    self._carrier.send_signal(number)

    def wake(self) -> None:
        """Let what carries the process go on: a stopped carrier reaps nothing, and its node's end would wait for that.

        It is not killed: its child would be left to the PID 1 of the carrier's namespace, which need not reap what it never started.
        """
        self._carrier.send_signal(signal.SIGCONT)


class Supervisor:
    """A living lab."""

    def __init__(self, spec: Spec, directory: Path, nodes: dict[str, tuple[NodeSpec, Held]]) -> None:
        self.spec = spec
        self._directory = directory
        self._nodes = nodes
        self._since = time.time()
        self._processes: dict[tuple[str, str], Process] = {}
        self._relay = Relay(nodes[topology.MANAGEMENT][1].pid, API_PORT)
        self._ended = asyncio.Event()

    async def run(self, owner: socket.socket) -> None:
        """Serve until somebody ends the lab: a signal, ``Down``, or the owner's death."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._ended.set)
        await self._relay.listen(self.spec.api_port)
        server = await asyncio.start_unix_server(self._answer, self._directory / "control.sock")
        owner.sendall(msgspec.json.encode(control.Ready()) + b"\n")
        watch = asyncio.create_task(self._watch(owner))
        await self._ended.wait()
        watch.cancel()
        server.close()
        self._relay.close()

    def end(self) -> None:
        """Kill the nodes and return when every process in them is gone."""
        for process in self._processes.values():
            process.wake()
        for _, held in self._nodes.values():
            os.kill(held.pid, signal.SIGKILL)
        for _, held in self._nodes.values():
            os.waitpid(held.pid, 0)

    async def _watch(self, owner: socket.socket) -> None:
        owner.setblocking(False)
        try:
            word = await asyncio.get_running_loop().sock_recv(owner, len(control.DETACH))
        except ConnectionError:
            word = b""
        if word == control.DETACH:
            owner.close()
            self._leave_terminal()
        else:
            self._ended.set()

    def _leave_terminal(self) -> None:
        """From now on our complaints go to a file: whoever reads the owner's standard error must see its end."""
        path = self._directory / "logs" / "supervisor.log"
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as log:
            os.dup2(log.fileno(), 2)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply: control.Reply
        try:
            request: control.Request = msgspec.json.decode(await reader.readline(), type=control.Request)
            reply = self._carry_out(request)
        except VxloomError as error:
            reply = control.Refused(error.message, error.remedy)
        except (msgspec.MsgspecError, OSError, ValueError) as error:
            reply = control.Refused(f"the supervisor could not do that: {error}")
        with suppress(ConnectionError):
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
        writer.close()

    def _carry_out(self, request: control.Request) -> control.Reply:
        match request:
            case control.Spawn():
                self._spawn(request)
            case control.Kill():
                self._process(request.node, request.name).send(request.signal)
            case control.Down():
                self._ended.set()
            case control.Status():
                return self._report()
        return control.Done()

    def _spawn(self, request: control.Spawn) -> None:
        if request.node not in self._nodes:
            raise VxloomError(f"the lab has no node {request.node!r}", remedy=f"it has {', '.join(self._nodes)}")
        key = (request.node, request.name)
        if key in self._processes and self._processes[key].report().running:
            raise VxloomError(f"{request.name} already runs on {request.node}", remedy="kill it first")
        log = self._directory / "logs" / f"{request.node}-{request.name}.log"
        log.parent.mkdir(exist_ok=True)
        self._processes[key] = Process(request, self._nodes[request.node][1].pid, log)

    def _process(self, node: str, name: str) -> Process:
        try:
            return self._processes[node, name]
        except KeyError:
            raise VxloomError(f"no process {name!r} was started on {node}", remedy="`vxloom lab status` lists them") from None

    def _report(self) -> control.Report:
        return control.Report(
            spec=self.spec,
            pid=os.getpid(),
            started=start_time(os.getpid()),
            since=self._since,
            api_port=self._relay.port,
            nodes=tuple(control.NodeReport(spec, held.pid, held.started) for spec, held in self._nodes.values()),
            processes=tuple(process.report() for process in self._processes.values()),
        )


class Setup:
    """From a spec to wired nodes, telling the owner how far it is."""

    def __init__(self, spec: Spec, owner: socket.socket) -> None:
        self._spec = spec
        self._owner = owner
        self._start = time.monotonic()

    def _tell(self, text: str) -> None:
        line = msgspec.json.encode(control.Progress(text, round(time.monotonic() - self._start, 3)))
        self._owner.sendall(line + b"\n")

    def build(self) -> dict[str, tuple[NodeSpec, Held]]:
        """All nodes, wired and routed. Raises ``VxloomError`` saying which step failed and why."""
        hosts = topology.hosts_file(self._spec)
        try:
            births = [Birth(node, hosts) for node in topology.nodes(self._spec)]
        except OSError as error:
            raise VxloomError(f"a node's namespaces could not be made: {error}", remedy="run as root") from error
        nodes = {birth.node.name: (birth.node, birth.wait()) for birth in births}
        self._tell(f"{len(nodes)} nodes stand")
        self._wire({name: held.pid for name, (_, held) in nodes.items()})
        self._tell("underlay is wired and routed")
        return nodes

    def _wire(self, pids: dict[str, int]) -> None:
        _ip_batch(pids[topology.ROUTER], topology.router_batch(self._spec, pids))
        for node in topology.nodes(self._spec):
            _ip_batch(pids[node.name], "link set lo up\n" + ("" if node.is_router else topology.node_batch(node)))


def _ip_batch(holder: int, batch: str) -> None:
    run = subprocess.run(
        entry.network_only(holder, ["ip", "-batch", "-"]), input=batch, text=True, capture_output=True, check=False, env=entry.environment()
    )
    if run.returncode:
        raise VxloomError(f"the underlay could not be wired: {run.stderr.strip()}", remedy="iproute2 and veth are needed")


def supervise(spec: Spec, owner: socket.socket) -> None:
    """Be the lab until it ends. Failures are told to the owner; this process's own exit code says nothing."""
    directory = state.directory(spec.name)
    os.chdir("/")
    try:
        state.take(directory)
        state.start_sweeper(directory)
        nodes = Setup(spec, owner).build()
        supervisor = Supervisor(spec, directory, nodes)
        asyncio.run(supervisor.run(owner))
        supervisor.end()
    except BrokenPipeError:
        return  # the owner is gone: so is the wish for a lab
    except (VxloomError, OSError) as error:
        refusal = control.Refused(*((error.message, error.remedy) if isinstance(error, VxloomError) else (f"the lab failed: {error}", "")))
        with suppress(OSError):
            owner.sendall(msgspec.json.encode(refusal) + b"\n")


def main() -> None:
    """``python -m vxloom.lab.supervisor FD SPEC``: FD is the owner's socket, SPEC the lab as JSON."""
    if os.fork():
        os._exit(0)  # nobody's child: a lab that is kept must not become a zombie of whoever started it
    owner = socket.socket(fileno=int(sys.argv[1]))
    owner.set_inheritable(False)
    supervise(msgspec.json.decode(sys.argv[2], type=Spec), owner)
    sys.stdout.flush()
    # The holders die by the kernel's hand as this process ends; threads and interpreter state have nothing to add.
    os._exit(0)


if __name__ == "__main__":
    main()

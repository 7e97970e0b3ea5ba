"""The project's own processes on the lab's nodes: ordinary ``vxloom server`` and ``vxloom agent``, ordinary files.

They are started as an operator would start them; nothing tells them where they run.
"""

from __future__ import annotations

import json
import shlex
import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from vxloom.errors import TransportError, VxloomError
from vxloom.lab import topology
from vxloom.lab.node import CommandError, Node

if TYPE_CHECKING:
    from vxloom.lab.lab import Lab

SERVER = "server"
AGENT = "agent"
API_PORT = 8080
AGENT_PORT = 8250
SERVER_DATA = "/var/lib/vxloom/server"
AGENT_CONFIG = "/etc/vxloom/agent.toml"
JOIN_TOKEN = "/etc/vxloom/join.token"  # noqa: S105 - a path
_SERVER_SECONDS = 30.0
_POLL_SECONDS = 0.02
_TELL_SECONDS = 2.0
_TAIL_BYTES = 2000


def server_argv(data: str = SERVER_DATA) -> tuple[str, ...]:
    return ("vxloom", "server", "--data", data, "--listen", f"0.0.0.0:{API_PORT}", "--agent-listen", f"0.0.0.0:{AGENT_PORT}")


def agent_config(node: Node, server: str, labels: Mapping[str, str]) -> str:
    """The agent's configuration file (TOML). ``labels``: traffic label → underlay device."""
    settings = {
        "server": f"{server}:{AGENT_PORT}",
        "token_file": JOIN_TOKEN,
        "name": node.name,
        "vtep": node.address,
        "state_dir": "/var/lib/vxloom/agent",
        "run_dir": "/run/vxloom",
    }
    # A JSON string is a TOML basic string, too.
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join([*lines, "", "[labels]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in labels.items()), ""])


def start_server(lab: Lab) -> None:
    """Start the management server and wait until it answers on the real machine's loopback.

    Raises ``VxloomError`` with the end of its log if it dies or stays silent.
    """
    lab.start_process(topology.MANAGEMENT, SERVER, server_argv())
    await_server(lab)


def await_server(lab: Lab) -> None:
    """Until the server has written its keys and answers HTTP. Raises like ``start_server``."""
    wait(lab, topology.MANAGEMENT, SERVER, lambda: _answers(lab.report().api_port) and bool(_admin(lab)), _SERVER_SECONDS)


def start_agent(lab: Lab, node: str, *, token: str = "", labels: Mapping[str, str] | None = None) -> None:
    """Write the agent's files on ``node`` and start it; ``token`` is what `vxloom host` or the API gave for joining."""
    target = lab.node(node)
    target.write(AGENT_CONFIG, agent_config(target, lab.node(topology.MANAGEMENT).address, labels or {}))
    if token:
        target.write(JOIN_TOKEN, token + "\n", mode=0o600)
    lab.start_process(node, AGENT, ("vxloom", "agent", "--config", AGENT_CONFIG))


def restart(lab: Lab, node: str, name: str) -> None:
    """Start a process again as it was started before, ending it first if it runs."""
    process = lab.process(node, name)
    if process.running:
        lab.kill(node, name)
    lab.start_process(node, name, process.argv, process.env)


def client_environment(lab: Lab) -> dict[str, str]:
    """What a CloudStack client on the real machine needs: endpoint (the lab's loopback port), key, secret.

    Raises ``TransportError`` if no server has written its keys yet.
    """
    keys = _admin(lab)
    if not keys:
        raise TransportError("the lab's management server has no keys yet", remedy="start it: `vxloom lab up` does unless told --bare")
    return {**keys, "CLOUDSTACK_ENDPOINT": f"http://127.0.0.1:{lab.report().api_port}/client/api"}


def wait(lab: Lab, node: str, name: str, condition: Callable[[], bool], seconds: float) -> None:
    """Until ``condition``, telling the lab every two seconds what is waited for.

    Raises ``VxloomError`` with the end of the process's log if it dies first or time is up.
    """
    start = told = time.monotonic()
    while not condition():
        process, now = lab.process(node, name), time.monotonic()
        if not process.running:
            raise VxloomError(f"{name} on {node} ended with status {process.exit_status}:\n{log_tail(lab, node, name)}")
        if now - start > seconds:
            raise VxloomError(f"{name} on {node} is not ready after {seconds:g} s:\n{log_tail(lab, node, name)}")
        if now - told > _TELL_SECONDS:
            lab.tell(f"waiting for {name} on {node}", now - start)
            told = now
        time.sleep(_POLL_SECONDS)


def log_tail(lab: Lab, node: str, name: str) -> str:
    """The last lines a process wrote, whole lines up to 2 kB."""
    try:
        text = lab.log_path(node, name).read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return text.strip() or "(it wrote nothing)"


def _answers(port: int) -> bool:
    """Whether an HTTP server answers behind the relay (which accepts before the server does)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def _admin(lab: Lab) -> dict[str, str]:
    """The server's ``admin.env`` as a mapping; empty while there is none."""
    try:
        text = lab.node(topology.MANAGEMENT).read(f"{SERVER_DATA}/admin.env")
    except CommandError:
        return {}
    pairs = (word.partition("=") for line in text.splitlines() for word in shlex.split(line, comments=True) if "=" in word)
    return {key: value for key, _, value in pairs}

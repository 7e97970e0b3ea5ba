"""`vxloom server`: store, gateway, jobs and API in one process, from start to SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog
import uvicorn

from vxloom import notify
from vxloom.errors import ConfigError
from vxloom.server.app import create_app
from vxloom.server.diagnosis import PathRounds, Rounds
from vxloom.server.gateway import Gateway
from vxloom.server.jobs import Runner
from vxloom.server.protocol import Protocol
from vxloom.settings import ServerSettings
from vxloom.store import Store, records

ADMIN_ENV = "admin.env"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to
_log = structlog.get_logger(__name__)


class _Api(uvicorn.Server):
    """uvicorn without its own signals: the process has other things to end, too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGTERM and SIGINT to :func:`_run`."""
        yield


def serve(settings: ServerSettings) -> None:
    """Run the management server until SIGTERM or SIGINT.

    Raises :class:`ConfigError` for addresses that cannot be listened on and :class:`vxloom.errors.StateError` for a store that is
    another's, newer, or in use by a second server; nothing is left half started.
    """
    sock = listening(settings.listen)
    _allow_many_connections()
    try:
        store = _opened(settings)
        try:
            with _in_words(settings.data):
                write_admin_env(settings.data, store, sock)
            asyncio.run(_run(settings, store, sock))
        finally:
            store.close()
    finally:
        sock.close()


def _allow_many_connections() -> None:
    """Raise the limit of open files, 1024 by default, to what this process may have: every host holds one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _opened(settings: ServerSettings) -> Store:
    with _in_words(settings.data):
        return Store.open(settings.data, settings.database)


@contextlib.contextmanager
def _in_words(data: Path) -> Iterator[None]:
    """Raise what the file system refuses as :class:`ConfigError`."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"cannot use {data}: {error.strerror}: {error.filename}", remedy="give --data a folder this user may write"
        ) from error


def listening(address: str) -> socket.socket:
    """Return a listening socket for ``ADDR:PORT`` (``[ADDR]:PORT`` for IPv6); port 0 takes any free one. Raises :class:`ConfigError`."""
    host, _, port = address.rpartition(":")
    try:
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, int(port)), family=family, backlog=1024)
        # asyncio does this only for sockets that name TCP as their protocol, which create_server's do not; without it every
        # answer on a kept connection waits 40 ms for a delayed acknowledgement. Accepted sockets inherit it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(f"cannot listen on {address}: {error}", remedy="give --listen ADDR:PORT, such as 127.0.0.1:8080") from error


def write_admin_env(data: Path, store: Store, sock: socket.socket) -> None:
    """Write the admin's endpoint and keys to ``DATA/admin.env`` (0600), unless it says so already."""
    with store.read() as rx:
        admin = rx.one(records.User, username="admin")
    if admin is None or not admin.api_key:
        return
    host, port = sock.getsockname()[:2]
    host = _ANY.get(host, host)
    endpoint = f"http://{f'[{host}]' if ':' in host else host}:{port}/client/api"
    values = {"ENDPOINT": endpoint, "KEY": admin.api_key, "SECRET": admin.secret_key}
    text = "".join(f"export CLOUDSTACK_{name}={value}\n" for name, value in values.items())
    file = data / ADMIN_ENV
    if file.exists() and file.read_text() == text:
        return
    # Written beside and renamed: nobody ever reads half of it, and it never has another mode.
    handle, temporary = tempfile.mkstemp(dir=data, prefix=f".{ADMIN_ENV}.")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(temporary).rename(file)


async def _run(settings: ServerSettings, store: Store, sock: socket.socket) -> None:
    gateway = Gateway(settings, store)
    runner = Runner(store, gateway)
    gateway.on_acknowledged = lambda *_: runner.wake()
    api = _Api(
        uvicorn.Config(
            create_app(store, gateway, runner.wake),
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # else anybody on this machine could state any address, and guess passwords from each
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=128 * 1024,  # user data of 32 KiB in a query, URL-encoded
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, api)
    streams = asyncio.create_task(gateway.run(), name="gateway")
    await _started(gateway, streams)
    streams.add_done_callback(lambda *_: _stop(api))  # without streams there is no server: end, and be started again
    runner.start()
    rounds = (Rounds(store, gateway), PathRounds(store, gateway))
    for each in rounds:
        each.start()
    _log.info("server ready", api=sock.getsockname()[:2], agents=gateway.port, epoch=store.epoch)
    notify.ready(notify.HEALTHY)
    try:
        await api.serve(sockets=[sock])
    finally:
        for each in rounds:
            each.end()
        await asyncio.to_thread(runner.stop)
        await _ended(streams)
        for each in rounds:
            await asyncio.to_thread(each.join)


def _stop(api: uvicorn.Server) -> None:
    api.should_exit = True


async def _started(gateway: Gateway, streams: asyncio.Task[None]) -> None:
    """Wait until agents are listened to; raises what kept the gateway from it."""
    ready = asyncio.create_task(gateway.started.wait())
    await asyncio.wait({ready, streams}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        ready.cancel()
        await streams


async def _ended(streams: asyncio.Task[None]) -> None:
    """End the gateway; a failure that ended it before is raised."""
    streams.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await streams

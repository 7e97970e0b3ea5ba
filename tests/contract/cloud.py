"""A cloud in one process, for tests of the stream: a real store, a real gateway over TLS on loopback, agents that keep tables in memory."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from zlib import crc32

from vxloom.agent.identity import SERVER_NAME, Identity, probing_context
from vxloom.agent.stream import Stream
from vxloom.agent.stream import Timing as AgentTiming
from vxloom.errors import StateError
from vxloom.model.host import HostDocument
from vxloom.model.segment import SegmentTable, apply
from vxloom.model.wire import (
    Ack,
    Answer,
    Ask,
    Beat,
    Confirm,
    Current,
    Delta,
    Document,
    FromAgent,
    FromGateway,
    Hello,
    SegmentWanted,
    Table,
    Welcome,
    decode_from_gateway,
    delta_of,
    encode,
    table_of,
)
from vxloom.server.gateway import Gateway, Timing
from vxloom.settings import AgentSettings, ServerSettings
from vxloom.store import Store, records

SERVER = Timing(beat=0.5, silence=1.5, poll=0.1, again=0.05, greeting=5.0, reap=0.2)
AGENT = AgentTiming(beat=0.5, silence=1.5, connect=5.0, first=0.02, soon=0.1, late=0.2, refused=0.3)


@contextlib.asynccontextmanager
async def running(task: asyncio.Task[None]) -> AsyncIterator[None]:
    """Keep a task running for the length of a block."""
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def raw(gateway: Gateway, identity: Identity | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a TLS connection to the gateway and say nothing; with a host's certificate or without."""
    context = identity.context() if identity is not None else probing_context()
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # else the kernel takes megabytes for a reader that reads nothing
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", gateway.port))
    return await asyncio.open_connection(sock=plain, ssl=context, server_hostname=SERVER_NAME)


async def reply(reader: asyncio.StreamReader) -> FromGateway | None:
    """Return the next message that is no beat; None at the end of the stream."""
    async with asyncio.timeout(10):
        while True:
            try:
                body = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
            except (asyncio.IncompleteReadError, OSError):
                return None
            message = decode_from_gateway(body)
            if not isinstance(message, Beat):
                return message


async def say(gateway: Gateway, message: FromAgent | bytes, identity: Identity | None = None) -> FromGateway | None:
    """Open a connection, send one message (or any bytes), and return the answer."""
    reader, writer = await raw(gateway, identity)
    try:
        writer.write(message if isinstance(message, bytes) else encode(message))
        return await reply(reader)
    finally:
        writer.transport.abort()


class Cloud:
    """A store with one zone, and things to put into it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.store = Store.open(data)
        with self.store.write("test") as tx:
            zone = tx.one(records.Zone) or tx.add(records.Zone(name="z1"))
            physical = tx.one(records.PhysicalNetwork) or tx.add(records.PhysicalNetwork(zone=zone.id, name="p1"))
            tx.set_vni_ranges(physical.id, "5000-6000")
        self.zone, self.physical = zone.id, physical.id

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    @contextlib.asynccontextmanager
    async def gateway(self, *, port: int = 0, timing: Timing = SERVER, **options: object) -> AsyncIterator[Gateway]:
        """Run a gateway for the length of a block."""
        settings = ServerSettings(data=self.data, agent_listen=f"127.0.0.1:{port}")
        gateway = Gateway(settings, self.store, timing=timing, **options)  # type: ignore[arg-type]
        async with running(asyncio.ensure_future(gateway.run())):
            await asyncio.wait_for(gateway.started.wait(), 10)
            yield gateway

    def network(self, name: str, *, vni: int | None = None) -> tuple[str, int]:
        """Make a network with a VNI; return (id, VNI)."""
        with self.store.write("test") as tx:
            account = tx.one(records.Account, name="admin")
            offering = tx.one(records.NetworkOffering, guest_type="Isolated")
            assert account is not None
            assert offering is not None
            row = tx.add(
                records.Network(
                    name=name,
                    display_text=name,
                    zone=self.zone,
                    physical_network=self.physical,
                    offering=offering.id,
                    account=account.id,
                    guest_type="Isolated",
                    cidr="10.1.0.0/16",
                    gateway="10.1.0.1",
                    mtu=1450,
                )
            )
            return row.id, tx.take_vni(row.id, vni)

    def nic(self, network: str, host: str | None = None, *, shared: tuple[str, ...] = ()) -> str:
        """Make a VM with one NIC, bound to a host; return the NIC's id."""
        with self.store.write("test") as tx:
            account = tx.one(records.Account, name="admin")
            service, template = tx.one(records.ServiceOffering), tx.one(records.Template)
            assert account is not None
            assert service is not None
            assert template is not None
            name = f"vm-{tx.count(records.Vm)}"
            vm = tx.add(
                records.Vm(
                    name=name,
                    display_name=name,
                    instance_name=name,
                    zone=self.zone,
                    account=account.id,
                    service_offering=service.id,
                    template=template.id,
                    state=records.VmState.RUNNING,
                )
            )
            nic = records.new_id()
            mac = tx.take_mac(nic, self.zone)
            tx.add(records.Nic(id=nic, vm=vm.id, network=network, mac=mac, shared=shared))
            address = tx.take_ip(network, nic)
            tx.add(records.NicIp(nic=nic, address=address))
            if host is not None:
                tx.bind(nic, host)
            return nic

    def bind(self, nic: str, host: str) -> None:
        with self.store.write("test") as tx:
            tx.bind(nic, host)

    def unbind(self, nic: str, host: str) -> None:
        with self.store.write("test") as tx:
            tx.unbind(nic, host)

    def alerts(self, host: str) -> dict[str, str]:
        """Open alerts about a host: code → text."""
        with self.store.read() as rx:
            return {alert.name: alert.description for alert in rx.all(records.Alert, subject=host, resolved=None)}

    def host(self, host: str) -> records.Host:
        with self.store.read() as rx:
            row = rx.get(records.Host, host)
        assert row is not None
        return row


@dataclass
class Agent:
    """The smallest honest agent: keeps what it is sent, acknowledges at once, asks again for what does not fit."""

    name: str
    folder: Path
    port: int
    token: str = ""
    vtep: str = ""
    """Its own if left out."""
    epoch: str = ""
    revision: int = 0
    nonce: str = ""
    tables: dict[int, SegmentTable] = field(default_factory=dict)
    document: HostDocument | None = None
    welcome: Welcome | None = None
    confirmed: Confirm | None = None
    seen: list[FromGateway] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    answers: bool = True
    timing: AgentTiming = AGENT

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.vtep = self.vtep or f"192.0.2.{crc32(self.name.encode()) % 250 + 1}"
        token_file = self.folder / "join.token"
        if self.token:
            token_file.write_text(self.token)
        self.settings = AgentSettings(server=f"127.0.0.1:{self.port}", name=self.name, state_dir=self.folder, token_file=token_file)
        self.identity = Identity.load(self.folder)
        self.stream = Stream(self.settings, self.identity, self, timing=self.timing)

    @property
    def host(self) -> str:
        return self.identity.host

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        return running(asyncio.ensure_future(self.stream.run()))

    def got(self, kind: type) -> int:
        """How many messages of a kind have come."""
        return sum(isinstance(message, kind) for message in self.seen)

    def settled(self, cloud: Cloud) -> bool:
        """Whether everything the store holds has arrived."""
        with cloud.store.read() as rx:
            revision, _ = rx.zone_revision(cloud.zone)
        return self.stream.connected and self.revision == revision

    # --- StreamListener

    def hello(self) -> Hello:
        held = {vni: (table.revision, table.digest(self.epoch)) for vni, table in self.tables.items()}
        return Hello(self.name, self.vtep, self.epoch, self.revision, self.nonce, held)

    def connected(self, welcome: Welcome) -> None:
        self.welcome = welcome
        self.reasons.append("")
        if welcome.lineage:
            self.epoch = welcome.epoch

    def disconnected(self, reason: str) -> None:
        self.reasons.append(reason)

    def received(self, message: FromGateway) -> None:
        self.seen.append(message)
        assert self.welcome is not None
        match message:
            case Document(document):
                self.document = document
                needed = {need.vni for need in document.segments}
                self.tables = {vni: table for vni, table in self.tables.items() if vni in needed}
                self._acknowledge()
            case Table():
                self._take(message.head.vni, lambda: table_of(message, self.welcome.epoch if self.welcome else ""))
            case Delta():
                held = self.tables.get(message.head.vni)
                self._take(message.head.vni, lambda: self._applied(message, held))
            case Current():
                if self.welcome.lineage:
                    self.revision, self.nonce = message.revision, message.nonce
            case Confirm():
                self.confirmed = message
            case Ask(number, what):
                if self.answers:
                    self.stream.send(Answer(number, f'"{what}"'.encode()))
            case _:
                raise AssertionError(f"{message} must not reach the core")

    def _applied(self, message: Delta, held: SegmentTable | None) -> SegmentTable:
        if held is None:
            raise StateError("nothing held")
        return apply(delta_of(message), held, self.epoch)

    def _take(self, vni: int, make: Callable[[], SegmentTable]) -> None:
        try:
            self.tables[vni] = make()
        except StateError:
            self.stream.send(SegmentWanted(vni))
        else:
            self._acknowledge()

    def _acknowledge(self) -> None:
        document = self.document
        if document is not None:
            revisions = {vni: table.revision for vni, table in self.tables.items()}
            self.stream.send(Ack(document.revision, revisions, document.gone_segments, document.gone_ports))

"""The hosts of two machines, asked at once: what their kernels hold, and which packets came by."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from vxloom.doctor.why.evidence import Sight
from vxloom.doctor.why.packets import Packets
from vxloom.doctor.why.verdict import Known
from vxloom.errors import TransportError
from vxloom.model.packet import Act, Order, Seen, Sent
from vxloom.model.pair import Pair
from vxloom.model.wire import PACKET, WHY
from vxloom.server.fleet import Fleet

PATIENCE = 5.0
"""Seconds a host has for one question; it takes a tenth of one."""
Told = TypeVar("Told", Sight, Seen, Sent)


@dataclass(frozen=True, slots=True)
class Witnesses:
    """The one or two hosts of a pair."""

    fleet: Fleet
    pair: Pair
    hosts: tuple[str, str]
    """Id of each end's host."""
    simulated: frozenset[str]
    """Those among them that have no kernel."""

    def sights(self) -> tuple[Known, Known]:
        """Return of each end's host what its kernel holds, or why that is not known."""
        told = self._all(WHY, msgspec.json.encode, Sight)
        found: list[Known] = []
        for end, host in zip(self.pair.ends, self.hosts, strict=True):
            sight = told[host]
            found.append(sight if isinstance(sight, str) else msgspec.structs.replace(sight, host=end.host))
        return found[0], found[1]

    def packets(self, udp_port: int) -> Packets:
        """Have packets sent both ways and return what became of them. No host sends before both look."""
        mark = secrets.token_hex(8)

        def order(act: Act) -> Callable[[Pair], bytes]:
            return lambda pair: msgspec.json.encode(Order(act=act, mark=mark, pair=pair))

        deaf = {host: why for host, why in self._all(PACKET, order(Act.WATCH), Seen).items() if isinstance(why, str)}
        sent = self._all(PACKET, order(Act.SEND), Sent)
        seen = {**self._all(PACKET, order(Act.TELL), Seen), **deaf}
        each = [told if isinstance(told, Sent) else Sent({}, dict.fromkeys(self._here(host), told)) for host, told in sent.items()]
        entries = {place: entry for one in each for place, entry in one.entries.items()}
        failed = {place: why for one in each for place, why in one.failed.items()}
        return Packets(sent=Sent(entries, failed), seen=(seen[self.hosts[0]], seen[self.hosts[1]]), udp_port=udp_port)

    def _here(self, host: str) -> tuple[int, ...]:
        return tuple(place for place, one in enumerate(self.hosts) if one == host)

    def _all(self, what: str, about: Callable[[Pair], bytes], kind: type[Told]) -> Mapping[str, Told | str]:
        """Return host → its answer, or why there is none. ``about``: what exactly is asked, told a pair that says who lives there."""

        def ask(host: str) -> Told | str:
            return self._ask(host, what, about(msgspec.structs.replace(self.pair, here=self._here(host))), kind)

        hosts = tuple(dict.fromkeys(self.hosts))
        with ThreadPoolExecutor(len(hosts), thread_name_prefix="vxloom-why") as threads:
            return dict(zip(hosts, threads.map(ask, hosts), strict=True))

    def _ask(self, host: str, what: str, about: bytes, kind: type[Told]) -> Told | str:
        if host in self.simulated:
            return "it is a simulated host, without a kernel; vxloom trace tells what is compiled for it"
        if host not in self.fleet.live():
            return "its agent has no stream to the server"
        try:
            return msgspec.json.decode(self.fleet.ask(host, what, PATIENCE, about), type=kind)
        except TransportError as error:
            return str(error)
        except msgspec.DecodeError:
            return "it does not know the question: upgrade its agent"

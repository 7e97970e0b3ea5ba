"""The hosts of two machines, asked at once: what their kernels hold, and which packets came by."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import msgspec

from vxloom.doctor.why.evidence import Sight
from vxloom.doctor.why.packets import Packets
from vxloom.doctor.why.verdict import Known
from vxloom.errors import TransportError
from vxloom.model.packet import Act, Entry, Order, Seen, Sent
from vxloom.model.pair import Pair
from vxloom.model.wire import PACKET, WHY
from vxloom.server.fleet import Fleet

PATIENCE = 1.8
"""Seconds a host has for one question; one of 1,000 networks takes a tenth of one (`make bench ONLY=why`)."""
_UDP_PORT = 4789
NOBODY: Mapping[str, str] = MappingProxyType({})
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

    def packets(self, sights: tuple[Known, Known]) -> Packets:
        """Have packets sent both ways and return what became of them. No host sends before all look; who told nothing is not asked."""
        mark = secrets.token_hex(8)
        silent = {host: sight for host, sight in zip(self.hosts, sights, strict=True) if isinstance(sight, str)}

        def ask(act: Act, kind: type[Told]) -> Mapping[str, Told | str]:
            return self._all(PACKET, lambda pair: msgspec.json.encode(Order(act=act, mark=mark, pair=pair)), kind, silent)

        silent |= {host: told for host, told in ask(Act.WATCH, Seen).items() if isinstance(told, str)}
        entries: dict[int, Entry] = {}
        failed: dict[int, str] = {}
        for host, told in ask(Act.SEND, Sent).items():
            here = self._here(host)
            entries |= {} if isinstance(told, str) else told.entries
            failed |= dict.fromkeys(here, told) if isinstance(told, str) else told.failed
        seen = ask(Act.TELL, Seen)
        port = next((sight.udp_port for sight in sights if isinstance(sight, Sight)), _UDP_PORT)
        return Packets(sent=Sent(entries, failed), seen=(seen[self.hosts[0]], seen[self.hosts[1]]), udp_port=port)

    def _here(self, host: str) -> tuple[int, ...]:
        return tuple(place for place, one in enumerate(self.hosts) if one == host)

    def _all(
        self, what: str, about: Callable[[Pair], bytes], kind: type[Told], silent: Mapping[str, str] = NOBODY
    ) -> Mapping[str, Told | str]:
        """Return host → its answer, or why there is none.

        ``about``: what exactly is asked, told a pair that says who lives there; ``silent``: who is not asked, and why.
        """

        def ask(host: str) -> Told | str:
            if host in silent:
                return silent[host]
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

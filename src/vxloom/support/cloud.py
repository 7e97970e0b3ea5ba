"""What is collected through the server: what it holds, and what its hosts answer to the questions there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

import msgspec

from vxloom.support.bundle import Bundle
from vxloom.support.redaction import without_secrets

_ROWS: Final = "500"
"""Objects of a list at most: the newest events and jobs, and more hosts than anybody reads."""
LISTS: Final = (
    "listCapabilities", "listZones", "listPods", "listClusters", "listHosts", "listPhysicalNetworks", "listNetworks",
    "listVirtualMachines", "listGuestVlans", "listAlerts", "listEvents", "listAsyncJobs", "listConfigurations", "listCapacity",
)  # fmt: skip
"""Nothing of people and their keys: no users, no accounts, no key pairs."""
_NARROWER: Final = {"listHosts": {"type": "Routing"}, "listGuestVlans": {"allocatedonly": "true"}}
_DIAGNOSIS: Final = 60.0
_PLAN: Final = 20.0


class Server(Protocol):
    """Asks the server's API."""

    def call(self, command: str, /, **parameters: str) -> dict[str, object]:
        """Return an answer's content. Raises ``VxloomError``."""


def collect(bundle: Bundle, server: Server, told: Callable[[str], None] = lambda _: None) -> None:
    """Put in what the server and its hosts tell; one that does not answer is asked once."""
    told("what the server holds")
    hosts: list[str] = []
    for command in LISTS:
        bundle.collect(f"server/{command}", partial(_listed, server, command, hosts), patience=30)
        if f"server/{LISTS[0]}" in bundle.missing:
            return  # nor will it answer the rest
    told("what the hosts' doctors find")
    bundle.collect("server/vxloomDiagnose", partial(_called, server, "vxloomDiagnose"), patience=_DIAGNOSIS)
    for host in hosts:
        told(f"what {host} would change")
        bundle.collect(f"hosts/{host}/plan", partial(_called, server, "vxloomPlanHost", name=host), patience=_PLAN)


def _called(server: Server, command: str, **parameters: str) -> str:
    return _json(server.call(command, **parameters))


def _listed(server: Server, command: str, hosts: list[str]) -> str:
    answer = server.call(command, **{"listall": "true", "page": "1", "pagesize": _ROWS} | _NARROWER.get(command, {}))
    if command == "listHosts":
        rows = answer.get("host", [])
        hosts += [str(row["name"]) for row in rows if isinstance(row, Mapping) and "name" in row] if isinstance(rows, list) else []
    return _json(answer)


def _json(answer: object) -> str:
    return msgspec.json.format(msgspec.json.encode(without_secrets(answer)), indent=2).decode() + "\n"

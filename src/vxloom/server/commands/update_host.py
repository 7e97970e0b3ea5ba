"""updateHost."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import maintenance, places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import Fold, ReadTransaction, records


class UpdateHost(Command):
    """Changes a host's tags, name or note, or whether it takes further machines.

    The name is what people read here; an agent keeps the one in its ``agent.toml``, which counts only when it joins.
    """

    name = "updateHost"
    parameters = (
        Parameter("id", Kind.UUID, "the host", required=True, related="listHosts"),
        Parameter("hosttags", Kind.LIST, "tags, comma-separated; empty: none"),
        Parameter("allocationstate", Kind.STRING, "Enable or Disable"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("annotation", Kind.STRING, "what people are to know about it; empty: nothing"),
    )
    answer = HOST
    example = "updateHost id=ID allocationstate=Disable"

    def run(self, call: Call) -> Fields:
        """Return the host."""
        given = call.arguments
        changes: dict[str, object] = {}
        if "hosttags" in given:
            changes["tags"] = ",".join(given.items("hosttags")) or None
        if "annotation" in given:
            changes["annotation"] = given.filled("annotation")
        if name := given.filled("name"):
            changes["name"] = name.strip()
        state = places.allocation_state(given)
        with call.write() as tx:
            host = owners.fetch(tx, records.Host, given.need("id"))
            if state is not None and host.resource_state in maintenance.STATES:
                raise RequestError(f"Host {host.name} is {host.resource_state}", remedy="cancelHostMaintenance first")
            changes |= {"resource_state": state} if state else {}
            _refuse_taken(tx, host, str(changes.get("name", host.name)))
            host = tx.update(records.Host, host.id, **changes)
            call.event(tx, "HOST.EDIT", f"Changed host {host.name}", "Host", host.id)
            return one("host", host_views(tx, [host], call.fleet)[0])


def _refuse_taken(rx: ReadTransaction, host: records.Host, name: str) -> None:
    """Raise 431 for a name another host of the zone has: hosts are named by people, and join by it."""
    if any(other.id != host.id for other in rx.all(records.Host, zone=host.zone, name=Fold(name), limit=2)):
        raise RequestError(f"There is a host {name[:80]} in its zone already", remedy="choose another name")

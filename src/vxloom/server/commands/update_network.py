"""updateNetwork."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import designing, places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.networks import NETWORK, network_views
from vxloom.store import records

_SERVERS = {"dns1": "dns1", "dns2": "dns2", "ip6dns1": "ip6_dns1", "ip6dns2": "ip6_dns2"}


class UpdateNetwork(Command):
    """Changes a network's names and its offering. Its prefixes and VNI stay, so the new offering must be of the same kind."""

    name = "updateNetwork"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the network", required=True, related="listNetworks"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("displaytext", Kind.STRING, "what people read"),
        Parameter("networkdomain", Kind.STRING, "network domain of guests"),
        *(Parameter(name, Kind.STRING, "DNS server of guests") for name in _SERVERS),
        Parameter("displaynetwork", Kind.BOOLEAN, "whether users see it in lists; for root admins"),
        Parameter("networkofferingid", Kind.UUID, "its new offering, of the same guest type", related="listNetworkOfferings"),
    )
    answer = NETWORK
    example = "updateNetwork id=ID displaytext='web servers'"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for an offering of another kind, 533 where it wants a VNI and none is left."""
        given = call.arguments
        columns = {"name": "name", "displaytext": "display_text", "networkdomain": "network_domain"}
        changes: dict[str, object] = {column: text for name, column in columns.items() if (text := given.filled(name))}
        changes |= {column: server for name, column in _SERVERS.items() if (server := places.server(given, name))}
        if (shown := given.choice("displaynetwork")) is not None and call.caller.root:
            changes["display_network"] = shown
        with call.write() as tx:
            network = owners.fetch_owned(call, tx, records.Network, given.need("id"))
            if wanted := given.filled("networkofferingid"):
                network = designing.change_offering(call, tx, network, wanted)
            network = tx.update(records.Network, network.id, **changes)
            if "name" in changes:
                tx.touch_segment(network.id)  # hosts are told a segment's name
            call.event(tx, "NETWORK.UPDATE", f"Changed network {network.name}", "Network", network.id)
            view = network_views(tx, [network], root=call.caller.root)[0]
            return call.finished_job(tx, "Network", network.id, one("network", view))

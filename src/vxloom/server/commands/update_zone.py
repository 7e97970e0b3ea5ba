"""updateZone."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.zones import ZONE, zone_views
from vxloom.store import records

_SERVERS = {
    "dns1": "dns1",
    "dns2": "dns2",
    "internaldns1": "internal_dns1",
    "internaldns2": "internal_dns2",
    "ip6dns1": "ip6_dns1",
    "ip6dns2": "ip6_dns2",
    "ipv6dns1": "ip6_dns1",
    "ipv6dns2": "ip6_dns2",
}


class UpdateZone(Command):
    """Changes a zone.

    Its type stays what it was: Ansible's module sends ``networktype=Basic`` whenever a playbook does not repeat it.
    """

    name = "updateZone"
    parameters = (
        Parameter("id", Kind.UUID, "the zone", required=True, related="listZones"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("allocationstate", Kind.STRING, "Enabled or Disabled"),
        Parameter("guestcidraddress", Kind.STRING, "default prefix of isolated networks"),
        Parameter("domain", Kind.STRING, "network domain of guests"),
        Parameter("dhcpprovider", Kind.STRING, "who gives DHCP"),
        Parameter("localstorageenabled", Kind.BOOLEAN, "whether local storage is used"),
        *(Parameter(name, Kind.STRING, "a name server's address") for name in _SERVERS),
    )
    answer = ZONE
    example = "updateZone id=ID allocationstate=Enabled"

    def run(self, call: Call) -> Fields:
        """Return the zone."""
        given = call.arguments
        changes: dict[str, object] = {column: places.server(given, name) for name, column in _SERVERS.items() if given.filled(name)}
        for name, column in (("name", "name"), ("domain", "network_domain"), ("dhcpprovider", "dhcp_provider")):
            if text := given.filled(name):
                changes[column] = text
        if state := places.allocation_state(given):
            changes["allocation_state"] = state
        if prefix := places.guest_prefix(given):
            changes["guest_cidr"] = prefix
        if (local := given.choice("localstorageenabled")) is not None:
            changes["local_storage"] = local
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, given.need("id"))
            zone = tx.update(records.Zone, zone.id, **changes)
            call.event(tx, "ZONE.EDIT", f"Changed zone {zone.name}", "Zone", zone.id)
            return one("zone", zone_views(tx, [zone])[0])

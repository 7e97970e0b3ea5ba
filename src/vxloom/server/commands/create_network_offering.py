"""createNetworkOffering."""

from __future__ import annotations

from dataclasses import replace

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import offerings, services
from vxloom.server.parameters import Arguments, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.offerings import NETWORK_OFFERING, network_offering_views
from vxloom.store import Fold, records

_GUEST_TYPES = {name.lower(): name for name in ("L2", "Isolated", "Shared")}


class CreateNetworkOffering(Command):
    """Makes a network offering. It starts Disabled unless ``enable=true``.

    A ``state`` sent along is ignored, as clients send one that the real server does not know.
    """

    name = "createNetworkOffering"
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("displaytext", Kind.STRING, "what people read; default: its name"),
        Parameter("guestiptype", Kind.STRING, "L2, Isolated or Shared", required=True),
        Parameter("traffictype", Kind.STRING, "Guest", required=True),
        Parameter("supportedservices", Kind.LIST, "services, comma-separated"),
        Parameter("serviceproviderlist", Kind.MAP, "serviceproviderlist[0].service=Dhcp&serviceproviderlist[0].provider=VirtualRouter"),
        Parameter("specifyvlan", Kind.BOOLEAN, "whether networks of it state their VNI"),
        Parameter("specifyipranges", Kind.BOOLEAN, "whether networks of it state their addresses"),
        Parameter("ispersistent", Kind.BOOLEAN, "whether networks of it have a VNI at once"),
        Parameter("conservemode", Kind.BOOLEAN, "whether one address may serve several services; default true"),
        Parameter("egressdefaultpolicy", Kind.BOOLEAN, "whether traffic outwards is let through"),
        Parameter("availability", Kind.STRING, "Optional (the default), Required or Unavailable"),
        Parameter("networkrate", Kind.INTEGER, "Mbit/s; kept and shown only"),
        Parameter("maxconnections", Kind.INTEGER, "connections of a load balancer; kept and shown only"),
        Parameter("tags", Kind.STRING, "tag of the physical network to use"),
        Parameter("domainid", Kind.LIST, "domains it is for, and those below them; default: all", length=40000),
        Parameter("zoneid", Kind.LIST, "zones it is for; default: all", length=40000),
        Parameter("details", Kind.MAP, "further details; kept and shown only"),
        Parameter("enable", Kind.BOOLEAN, "whether it can be used at once"),
    )
    answer = NETWORK_OFFERING
    example = "createNetworkOffering name=L2-stated guestiptype=L2 traffictype=Guest specifyvlan=true enable=true"

    def run(self, call: Call) -> Fields:
        """Return the offering."""
        given = call.arguments
        guest_type = _GUEST_TYPES.get(given.need("guestiptype").strip().lower())
        if guest_type is None:
            raise RequestError(f"Invalid guestiptype {given.need('guestiptype')[:80]}", remedy="give L2, Isolated or Shared")
        if given.need("traffictype").strip().lower() != "guest":
            raise RequestError(f"Invalid traffictype {given.need('traffictype')[:80]}", remedy="give Guest")
        name = given.need("name").strip()
        row = records.NetworkOffering(
            name=name,
            display_text=given.filled("displaytext") or name,
            guest_type=guest_type,
            state="Enabled" if given.flag("enable") else "Disabled",
            availability=(given.filled("availability") or "Optional").capitalize(),
            conserve_mode=given.flag("conservemode", default=True),
            specify_vlan=given.flag("specifyvlan"),
            specify_ip_ranges=given.flag("specifyipranges"),
            is_persistent=given.flag("ispersistent"),
            egress_default=given.flag("egressdefaultpolicy"),
            network_rate=given.number("networkrate"),
            max_connections=given.number("maxconnections"),
            tags=given.filled("tags"),
            services=_services(given),
            details=given.details(),
        )
        with call.write() as tx:
            if tx.one(records.NetworkOffering, name=Fold(name)):
                raise RequestError(f"A network offering with name {name} already exists", remedy="choose another name")
            for_domains = offerings.named(tx, given, "domainid", records.Domain)
            row = tx.add(replace(row, domains=for_domains, zones=offerings.named(tx, given, "zoneid", records.Zone)))
            call.event(tx, "NETWORK.OFFERING.CREATE", f"Created network offering {name}", "NetworkOffering", row.id)
            return one("networkoffering", network_offering_views(tx, [row])[0])


def _services(given: Arguments) -> dict[str, tuple[str, ...]]:
    providers: dict[str, list[str]] = {services.service(text): [] for text in given.items("supportedservices")}
    for row in given.rows("serviceproviderlist"):
        entry = {key.lower(): value for key, value in row.items()}
        service, provider = entry.get("service", "").strip(), entry.get("provider", "").strip()
        if not service or not provider:
            raise RequestError("serviceproviderlist needs service and provider in every entry")
        providers.setdefault(services.service(service), []).append(provider)
    return {service: tuple(names) for service, names in providers.items()}

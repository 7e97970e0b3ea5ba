"""createZone."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.zones import ZONE, zone_views
from vxloom.store import records


class CreateZone(Command):
    """Makes a zone, with a first pod and cluster for the hosts that join it."""

    name = "createZone"
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("networktype", Kind.STRING, "Advanced or Basic; networks are for Advanced zones", required=True),
        Parameter("dns1", Kind.STRING, "first DNS server of guests", required=True),
        Parameter("internaldns1", Kind.STRING, "first DNS server of the infrastructure", required=True),
        Parameter("dns2", Kind.STRING, "second DNS server of guests"),
        Parameter("internaldns2", Kind.STRING, "second DNS server of the infrastructure"),
        Parameter("ip6dns1", Kind.STRING, "first IPv6 DNS server of guests"),
        Parameter("ip6dns2", Kind.STRING, "second IPv6 DNS server of guests"),
        Parameter("ipv6dns1", Kind.STRING, "the same as ip6dns1, as Ansible spells it"),
        Parameter("ipv6dns2", Kind.STRING, "the same as ip6dns2, as Ansible spells it"),
        Parameter("dhcpprovider", Kind.STRING, "who gives DHCP; kept and shown only"),
        Parameter("guestcidraddress", Kind.STRING, "default prefix of isolated networks"),
        Parameter("domain", Kind.STRING, "network domain of guests"),
        Parameter("domainid", Kind.UUID, "domain the zone is dedicated to", related="listDomains"),
        Parameter("allocationstate", Kind.STRING, "Enabled or Disabled (the default)"),
        Parameter("localstorageenabled", Kind.BOOLEAN, "whether local storage is used"),
        Parameter("securitygroupenabled", Kind.BOOLEAN, "whether security groups are used"),
    )
    answer = ZONE
    example = "createZone name=lab networktype=Advanced dns1=192.0.2.53 internaldns1=192.0.2.53"

    def run(self, call: Call) -> Fields:
        """Return the zone."""
        given = call.arguments
        kinds = {"advanced": "Advanced", "basic": "Basic"}
        kind = kinds.get(given.need("networktype").strip().lower())
        if kind is None:
            raise RequestError(f"Invalid networktype {given.need('networktype')[:80]}", remedy="give Advanced or Basic")
        row = records.Zone(
            name=given.need("name").strip(),
            network_type=kind,
            allocation_state=places.allocation_state(given) or "Disabled",
            dns1=places.server(given, "dns1"),
            dns2=places.server(given, "dns2"),
            internal_dns1=places.server(given, "internaldns1"),
            internal_dns2=places.server(given, "internaldns2"),
            ip6_dns1=places.server(given, "ip6dns1") or places.server(given, "ipv6dns1"),
            ip6_dns2=places.server(given, "ip6dns2") or places.server(given, "ipv6dns2"),
            domain=given.filled("domainid"),
            network_domain=given.filled("domain"),
            guest_cidr=places.guest_prefix(given),
            dhcp_provider=given.filled("dhcpprovider") or "VirtualRouter",
            local_storage=given.flag("localstorageenabled"),
            security_groups=given.flag("securitygroupenabled"),
        )
        with call.write() as tx:
            if row.domain:
                owners.fetch(tx, records.Domain, row.domain, "domainid")
            tx.add(row)
            pod = tx.add(records.Pod(zone=row.id, name=f"{row.name}-pod"))
            tx.add(records.Cluster(zone=row.id, pod=pod.id, name=f"{row.name}-cluster"))
            call.event(tx, "ZONE.CREATE", f"Created zone {row.name}", "Zone", row.id)
            return one("zone", zone_views(tx, [row])[0])

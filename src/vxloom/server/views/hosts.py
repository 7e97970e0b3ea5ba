"""Hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vxloom.model.wire import Report
from vxloom.server.command import fields
from vxloom.server.fleet import Fleet
from vxloom.server.health import health_details
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id, stamp
from vxloom.store import ReadTransaction, records

HOST = fields("""
id string the host's id
name string its name
type string Routing
state string Up, Disconnected, Down or Alert
resourcestate string Enabled, Disabled, PrepareForMaintenance, Maintenance or ErrorInMaintenance
hypervisor string KVM, or Simulator: a host inside the server, without a kernel
ipaddress string address the agent speaks from
zoneid string its zone's id
zonename string its zone's name
podid string its pod's id
podname string its pod's name
clusterid string its cluster's id
clustername string its cluster's name
clustertype string CloudManaged
hosttags string tags, comma-separated
version string the agent's version
cpunumber integer processors
memorytotal long bytes of memory
hahost boolean whether it is kept free for high availability
islocalstorageactive boolean whether local storage is used
hasenoughcapacity boolean whether it takes further machines
capabilities string hvm, or simulated
annotation string what people noted about it
suitableformigration boolean of findHostsForMigration, and of listHosts with virtualmachineid: whether the machine can move there
created date when it joined
disconnected date when its stream ended last
details map facts the agent reported, and vxloom.vtep, vxloom.simulated, vxloom.holding, vxloom.healthy, vxloom.findings; of the \
hardware vxloom.health, vxloom.lastchoice, vxloom.temperature, vxloom.link.…, vxloom.bond.…
""")


def host_views(
    rx: ReadTransaction, hosts: Sequence[records.Host], fleet: Fleet | None, *, moves: Mapping[str, str] | None = None
) -> list[Fields]:
    """Return hosts as root admins see them. ``fleet`` None: without what their agents report at present.

    ``moves``: host id → why a machine cannot move there, "" if it can.
    """
    zones = by_id(rx, records.Zone, (host.zone for host in hosts))
    pods = by_id(rx, records.Pod, (host.pod for host in hosts))
    clusters = by_id(rx, records.Cluster, (host.cluster for host in hosts))
    return [
        {
            "id": host.id,
            "name": host.name,
            "type": host.type,
            "state": host.state.value,
            "resourcestate": host.resource_state,
            "hypervisor": host.hypervisor,
            "ipaddress": host.address or host.vtep or "::",  # Ansible indexes it hard on every row
            "zoneid": host.zone,
            "zonename": zones[host.zone].name,
            "podid": host.pod,
            "podname": pods[host.pod].name,
            "clusterid": host.cluster,
            "clustername": clusters[host.cluster].name,
            "clustertype": clusters[host.cluster].cluster_type,
            "hosttags": host.tags,
            "version": host.version,
            "cpunumber": _number(host.facts.get("cores")),
            "memorytotal": _number(host.facts.get("memory")),
            "hahost": False,
            "islocalstorageactive": False,
            "hasenoughcapacity": host.resource_state == "Enabled",
            "capabilities": "simulated" if _simulated(host) else "hvm",
            "created": stamp(host.created),
            "disconnected": stamp(host.disconnected),
            "annotation": host.annotation,
            "suitableformigration": None if moves is None else not moves.get(host.id),
            "details": _details(host, fleet.report(host.id) if fleet else None) | (health_details(fleet.health(host.id)) if fleet else {}),
        }
        for host in hosts
    ]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _simulated(host: records.Host) -> bool:
    return host.hypervisor == records.Hypervisor.SIMULATOR


def _details(host: records.Host, report: Report | None) -> dict[str, str]:
    details = dict(host.facts) | {"vxloom.vtep": host.vtep, "vxloom.number": str(host.number)}
    details |= {f"vxloom.label.{label}": state for label, state in host.labels.items()}
    if _simulated(host):
        details["vxloom.simulated"] = "true"
    if report is not None:
        details |= {"vxloom.healthy": str(report.healthy).lower(), "vxloom.repairs": str(report.repairs)}
        if report.holding:
            details["vxloom.holding"] = report.holding
        if report.findings:
            details["vxloom.findings"] = "; ".join(report.findings)
    return details

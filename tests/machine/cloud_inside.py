"""Run by the installed package's Python: a cloud of two hosts, as an operator makes one, and a guest on each."""

from __future__ import annotations

import sys
from pathlib import Path

from vxloom.cli.client import Client

HOSTS = {"h1": "192.0.2.1", "h2": "192.0.2.2"}
AGENT = """\
server = "192.0.2.1:8250"
name = "{name}"
vtep = "{vtep}"
token_file = "/etc/vxloom/{name}.token"
"""


def cloud(api: Client) -> None:
    zone = str(api.run("createZone", name="z", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"])
    made = api.run("createPhysicalNetwork", name="p", zoneid=zone, isolationmethods="VXLAN", vlan="5000-5010")["physicalnetwork"]
    api.run("addTrafficType", physicalnetworkid=made["id"], traffictype="Guest", kvmnetworklabel="cloudbr1")
    api.run("updatePhysicalNetwork", id=made["id"], state="Enabled")
    api.run("updateZone", id=zone, allocationstate="Enabled")
    for name, vtep in HOSTS.items():
        token = api.run("createHostJoinToken", name=name, zoneid=zone)["hostjointoken"]["token"]
        Path(f"/etc/vxloom/{name}.token").write_text(token)
        Path(f"/etc/vxloom/{'agent' if name == 'h1' else name}.toml").write_text(AGENT.format(name=name, vtep=vtep))


def guests(api: Client) -> None:
    zone = api.rows("listZones", "zone")[0]["id"]
    offering = next(o["id"] for o in api.rows("listNetworkOfferings", "networkoffering") if o["guestiptype"] == "Isolated")
    network = api.run("createNetwork", name="n", zoneid=zone, networkofferingid=offering, gateway="10.1.1.1", netmask="255.255.255.0")
    size = api.rows("listServiceOfferings", "serviceoffering")[0]["id"]
    template = api.rows("listTemplates", "template", templatefilter="executable", zoneid=zone)[0]["id"]
    ids = {host["name"]: host["id"] for host in api.rows("listHosts", "host", type="Routing")}
    for number, name in enumerate(HOSTS, start=11):
        wanted = {"name": f"g{name}", "zoneid": zone, "serviceofferingid": size, "templateid": template, "hostid": ids[name]}
        api.run("deployVirtualMachine", **wanted, networkids=network["network"]["id"], ipaddress=f"10.1.1.{number}")


if __name__ == "__main__":
    {"cloud": cloud, "guests": guests}[sys.argv[1]](Client())

"""Key pairs, volumes, templates, operating systems: what clients ask for on the way to a machine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.desk import Desk
from tests.unit.api.looks import PUBLIC_KEY
from vxloom.store import records


@pytest.fixture
def host(desk: Desk, zone: str) -> str:
    return desk.host(zone, "h1")


@pytest.fixture
def vm(desk: Desk, zone: str, host: str) -> dict[str, Any]:
    return desk.deploy(zone, desk.network(zone, "n1")["id"], "web")


def test_a_key_pair_is_made_and_its_private_half_told_once(desk: Desk) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    made = desk.ask("createSSHKeyPair", name="mine")["keypair"]
    assert made["privatekey"].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    with desk.store.read() as rx:
        row = rx.one(records.SshKeyPair, name="mine")
    assert row is not None
    public = load_pem_private_key(made["privatekey"].encode(), None).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert row.public_key == public.decode()
    [listed] = desk.ask("listSSHKeyPairs", name="MINE")["sshkeypair"]
    assert listed == {key: value for key, value in made.items() if key != "privatekey"}
    assert "already exists" in desk.refused("createSSHKeyPair", name="mine").text
    assert desk.ask("deleteSSHKeyPair", name="mine") == {"success": True}
    assert desk.ask("listSSHKeyPairs") == {}
    assert desk.refused("deleteSSHKeyPair", name="mine").status == 431


def test_a_public_key_is_registered(desk: Desk) -> None:
    made = desk.ask("registerSSHKeyPair", name="own", publickey=f" {PUBLIC_KEY}\n")["keypair"]
    assert made["fingerprint"].count(":") == 15
    assert desk.ask("listSSHKeyPairs", fingerprint=made["fingerprint"].upper())["sshkeypair"][0]["name"] == "own"
    assert "fingerprint" in desk.refused("registerSSHKeyPair", name="twice", publickey=PUBLIC_KEY).text
    for bad in ("ssh-ed25519 AAAA", "hello", "ssh-rsa !!!! x"):
        assert desk.refused("registerSSHKeyPair", name="bad", publickey=bad).status == 431


def test_a_machine_names_a_key_pair_of_its_owner(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    desk.ask("registerSSHKeyPair", name="own", publickey=PUBLIC_KEY)
    given = {"zoneid": zone, "networkids": vm["nic"][0]["networkid"], **desk.sizes()}
    assert "not found" in desk.refused("deployVirtualMachine", keypair="nobodys", **given).text
    assert desk.do("deployVirtualMachine", keypairs="own", **given)["virtualmachine"]["keypair"] == "own"
    assert desk.refused("resetSSHKeyForVirtualMachine", id=vm["id"], keypair="own").status == 431
    desk.do("stopVirtualMachine", id=vm["id"])
    assert desk.do("resetSSHKeyForVirtualMachine", id=vm["id"], keypair="own")["virtualmachine"]["keypair"] == "own"
    assert desk.refused("resetSSHKeyForVirtualMachine", id=vm["id"], keypair="other").status == 431
    assert desk.refused("resetSSHKeyForVirtualMachine", id=vm["id"]).status == 431
    tenant = desk.tenant("blue")
    assert tenant.ask("listSSHKeyPairs") == {}
    mine = {"zoneid": zone, "networkids": tenant.network(zone)["id"], **desk.sizes()}
    assert tenant.refused("deployVirtualMachine", keypair="own", **mine).status == 431


def test_packers_way_from_a_machine_to_a_template(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    [volume] = desk.ask("listVolumes", virtualmachineid=vm["id"], type="ROOT")["volume"]
    assert (volume["type"], volume["virtualmachineid"], volume["vmstate"], volume["deviceid"]) == ("ROOT", vm["id"], "Running", 0)
    assert desk.ask("listVolumes", id=volume["id"])["volume"] == [volume]
    assert desk.ask("listVolumes", name=volume["name"].lower())["volume"] == [volume]
    assert desk.ask("listVolumes", ids=f"{volume['id']},x")["count"] == 1
    assert desk.ask("listVolumes", virtualmachineid=vm["id"], type="DATADISK") == {}
    given = {"name": "golden", "displaytext": "Golden", "volumeid": volume["id"]}
    assert desk.refused("createTemplate", **given).status == 431
    desk.do("stopVirtualMachine", id=vm["id"])
    os_type = desk.ask("listOsTypes", description="debian gnu/linux 12 (64-bit)")["ostype"][0]["id"]
    answer = desk.ask("createTemplate", ostypeid=os_type, **given)
    made = desk.job(answer["jobid"])["jobresult"]["template"]
    assert (made["id"], made["name"], made["ispublic"], made["isready"]) == (answer["id"], "golden", False, True)
    assert made["ostypename"] == "Debian GNU/Linux 12 (64-bit)"
    desk.do("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert desk.refused("listVolumes", id=volume["id"]).status == 431
    sizes = desk.sizes() | {"templateid": made["id"]}
    again = desk.do("deployVirtualMachine", zoneid=zone, networkids=vm["nic"][0]["networkid"], **sizes)["virtualmachine"]
    assert (again["state"], again["templatename"]) == ("Running", "golden")


def test_volumes_of_others_are_not_there(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    volume = desk.ask("listVolumes")["volume"][0]["id"]
    tenant = desk.tenant("blue")
    assert tenant.ask("listVolumes", listall="true") == {}
    assert tenant.ask("listVolumes", ids=volume) == {}
    assert "does not exist" in tenant.refused("listVolumes", id=volume).text
    assert "does not exist" in tenant.refused("createTemplate", name="t", volumeid=volume).text


def test_a_guest_of_others_makes_no_template(desk: Desk, zone: str, host: str) -> None:
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", details__0__vxloom_source="external", startvm="false")
    assert "others run it" in desk.refused("createTemplate", name="t", virtualmachineid=vm["id"]).text
    for bad in ({}, {"snapshotid": vm["id"]}):
        assert desk.refused("createTemplate", name="t", **bad).status == 431


# ------------------------------------------------------------------------------------------------------------ templates


def test_a_template_is_registered_of_what_hosts_can_run(desk: Desk, zone: str, host: str) -> None:
    [made] = desk.ask("registerTemplate", name="router", url="VXLOOM:external", hypervisor="kvm", ispublic="true")["template"]
    assert (made["hypervisor"], made["zoneid"], made["details"]) == ("KVM", zone, {"vxloom.source": "external"})
    for url in ("http://example.org/debian.qcow2", "vxloom:", "ftp://example.org/x", "vxloom:simulated"):
        refused = desk.refused("registerTemplate", name="x", url=url, hypervisor="KVM")
        assert (refused.status, "nothing is fetched" in refused.text) == (431, True)
    assert desk.refused("registerTemplate", name="x", url="vxloom:namespace", hypervisor="VMware").status == 431
    assert desk.refused("registerTemplate", name="x", url="vxloom:namespace", hypervisor="KVM", ostypeid=zone).status == 431
    sizes = desk.sizes() | {"templateid": made["id"]}
    vm = desk.do("deployVirtualMachine", zoneid=zone, networkids=desk.network(zone)["id"], **sizes)["virtualmachine"]
    with desk.store.read() as rx:
        row = rx.get(records.Vm, vm["id"])
    assert row is not None
    assert row.guest_source == "external"
    assert desk.tenant("blue").refused("registerTemplate", name="x", url="vxloom:external", hypervisor="KVM").status == 531


def test_templates_are_private_until_they_are_not(desk: Desk, zone: str) -> None:
    ann, bob = desk.tenant("ann"), desk.tenant("bob")
    made = ann.ask("registerTemplate", name="anns", url="vxloom:namespace", hypervisor="KVM", isfeatured="true")["template"][0]

    def names(who: Desk, **given: str) -> set[str]:
        return {one["name"] for one in who.ask("listTemplates", **given).get("template", [])}

    shown = {"namespace guest"}
    for wanted, anns, bobs in (
        ("executable", shown | {"anns"}, shown),
        ("self", {"anns"}, set()),
        ("selfexecutable", {"anns"}, set()),
        ("featured", shown, shown),
        ("community", set(), set()),
        ("sharedexecutable", set(), set()),
    ):
        assert (names(ann, templatefilter=wanted), names(bob, templatefilter=wanted)) == (anns, bobs), wanted
    assert names(desk, templatefilter="all") == shown | {"anns"}
    assert bob.refused("listTemplates", templatefilter="all").status == 431
    assert bob.refused("listTemplates", templatefilter="nonsense").status == 431
    for command in ("updateTemplate", "deleteTemplate"):
        assert bob.refused(command, id=made["id"]).status == 431
    assert bob.refused("listTemplates", templatefilter="executable", id=made["id"]).status == 431
    given = {"zoneid": zone, "networkids": bob.network(zone)["id"], **desk.sizes(), "templateid": made["id"]}
    assert "does not exist" in bob.refused("deployVirtualMachine", startvm="false", **given).text
    changed = ann.ask("updateTemplate", id=made["id"], ispublic="true", name="open", displaytext="Open")["template"]
    assert (changed["name"], changed["displaytext"], changed["ispublic"], changed["isfeatured"]) == ("open", "Open", True, False)
    assert names(bob, templatefilter="community") == {"open"}
    assert bob.do("deployVirtualMachine", startvm="false", **given)["virtualmachine"]["templatename"] == "open"
    assert bob.refused("deleteTemplate", id=made["id"]).status == 431, "public is not one's own"
    assert ann.do("deleteTemplate", id=made["id"]) == {"success": True}
    assert names(desk, templatefilter="all") == shown
    assert bob.refused("deployVirtualMachine", startvm="false", **given).status == 431
    assert bob.ask("listVirtualMachines")["virtualmachine"][0]["templatename"] == "open"


def test_operating_systems(desk: Desk) -> None:
    families = {one["name"]: one["id"] for one in desk.ask("listOsCategories")["oscategory"]}
    debians = desk.ask("listOsTypes", oscategoryid=families["Debian"], keyword="LINUX 12")["ostype"]
    assert [(one["description"], one["oscategoryname"]) for one in debians] == [("Debian GNU/Linux 12 (64-bit)", "Debian")]
    assert desk.ask("listOsTypes", description="TempleOS") == {}
    assert desk.refused("listOsTypes", id=families["Debian"]).status == 431
    assert desk.ask("listOsCategories", id=families["Other"])["oscategory"][0]["name"] == "Other"
    template = desk.ask("listTemplates", templatefilter="executable")["template"][0]
    assert desk.ask("listOsTypes", id=template["ostypeid"])["ostype"][0]["description"] == template["ostypename"]

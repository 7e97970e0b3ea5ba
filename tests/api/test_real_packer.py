"""Debian's Packer: its CloudStack builder deploys a machine, stops it and makes a template of its root disk."""

from __future__ import annotations

from tests.api.cloud import Cloud
from tests.api.programs import CLIENTS, Programs


def test_a_whole_build_leaves_a_template_and_nothing_else(programs: Programs, cloud: Cloud) -> None:
    api = cloud.api
    [template] = api.listTemplates(templatefilter="featured")["template"]
    network = cloud.network("packer", gateway="10.4.1.1")
    given = {
        "zone": "simulated",
        "network": "packer",
        "service_offering": api.listServiceOfferings()["serviceoffering"][0]["name"],
        "template": template["name"],
        "template_os": template["ostypename"],
    }
    variables = [word for name, value in given.items() for word in ("-var", f"{name}={value}")]
    quiet = {"CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1", "PACKER_CONFIG_DIR": str(programs.home)}
    story = programs.succeed("packer", "build", *variables, CLIENTS / "packer.json", **quiet)
    assert "A template was created: made-by-packer" in story
    [made] = api.listTemplates(templatefilter="self", name="made-by-packer")["template"]
    assert (made["isready"], made["displaytext"], made["ostypename"]) == (True, "Made by Packer", template["ostypename"])
    vm = api.deployVirtualMachine(
        zoneid=cloud.zone,
        templateid=made["id"],
        serviceofferingid=cloud.sizes["serviceofferingid"],
        networkids=network["id"],
        fetch_result=True,
    )["virtualmachine"]
    assert (vm["state"], vm["templatename"]) == ("Running", "made-by-packer")
    assert [other["name"] for other in api.listVirtualMachines(state="Present")["virtualmachine"]] == [vm["name"]]
    # Packer destroys its own and leaves the expunging to expunge.delay; root admins see it until then.
    assert [other["name"] for other in api.listVirtualMachines(state="Destroyed")["virtualmachine"]] == ["packer-builder"]
    assert api.listSSHKeyPairs() == {}
    api.destroyVirtualMachine(id=vm["id"], expunge=True, fetch_result=True)

"""Playbooks of tests/api once more, over hosts with kernels: what they make carries packets."""

from __future__ import annotations

from pathlib import Path

from tests.api.playbooks import Playbooks
from tests.api.programs import Programs
from tests.scenarios.clouds import Cloud


def test_machines_of_a_playbook_reach_one_another(cloud: Cloud, tmp_path: Path) -> None:
    play = Playbooks(Programs(cloud.lab.environment(), tmp_path))
    template = cloud.objects("listTemplates", "template", templatefilter="executable")[0]
    size = cloud.objects("listServiceOfferings", "serviceoffering")[0]
    what = {"zone": "lab", "first": "h1", "second": "h2", "template": str(template["name"]), "service_offering": str(size["name"])}
    made = play.once("tenants", **what)
    assert made.changed == set(made.results)
    web1, web2 = made.results["machines"]
    assert (web1["host"], web2["host"]) == ("h1", "h2")
    assert cloud.lab.node("h1").guest(f"web1.{web1['id'][:8]}").ping("10.1.1.12", count=3)
    assert not cloud.lab.node("h2").guest(f"web2.{web2['id'][:8]}").ping("10.1.1.13", count=1), "nobody has this address"
    gone = play.once("tenants-gone", zone="lab")
    assert gone.changed == set(gone.results)
    assert cloud.in_step("h1", "h2")

"""What real clients trip over has a test each: the traps they were seen to fall into, and the workflows they were seen to do."""

from __future__ import annotations

import ast

import pytest

from tests.meta.tree import ROOT, parsed

TRAPS = {
    "an empty list is {}": "unit/api/test_infrastructure.py::test_an_empty_cloud_lists_nothing",
    "a page past the end has only a count": "unit/api/test_responses.py::test_a_page_past_the_end_has_only_a_count",
    "forced=None, startvm=True": "unit/api/test_parameters.py::test_only_true_is_true_and_nothing_is_an_error",
    "updateZone with a stray networktype": "unit/api/test_infrastructure.py::test_a_stray_networktype_does_not_change_a_zone",
    "createNetworkOffering with a stray state": "unit/api/test_infrastructure.py::test_a_network_offering_ignores_a_stray_state",
    "a stray key in iptonetworklist": "unit/api/test_machines.py::test_several_networks_with_chosen_addresses",
    "listHosts type=routing": "unit/api/test_infrastructure.py::test_a_joined_host_is_adopted",
    "a name in another case": "unit/api/test_infrastructure.py::test_names_are_found_in_any_case",
    "addCluster and addHost answer lists": "unit/api/test_places.py::test_what_ansible_sends_to_update_a_cluster_changes_what_can_change",
    "a pod's addresses are lists": "unit/api/test_infrastructure.py::test_a_pods_addresses_are_lists_and_its_end_has_a_default",
    "serviceofferingid and forvpc on every offering": "unit/api/test_infrastructure.py::test_every_offering_has_what_libcloud_indexes",
    "no address keys on L2 NICs": "unit/api/test_machines.py::test_an_l2_nic_has_no_address_keys",
    "tags always there, or not at all": "unit/api/test_infrastructure.py::test_a_physical_network_starts_disabled_without_tags",
    "vlan and vlaniprange": "unit/api/test_ip_ranges.py::test_it_is_made_under_one_key_and_listed_under_another",
    "jobresult on every finished job": "unit/api/test_tags.py::test_every_kind_takes_tags_in_a_job_with_success_as_its_result",
    "a jobid is known at once": "unit/api/test_machines.py::test_a_machine_is_visible_while_it_starts_and_runs_when_its_host_says_so",
    "signatures of * and ~": "unit/api/test_signature.py::test_every_known_client_is_understood",
    "expiry in three zone notations": "unit/api/test_signature.py::test_a_request_that_is_still_valid",
    "signing a posted body": "unit/api/test_signature.py::test_what_the_cs_library_sends_is_understood",
    "listApis' flags are booleans": "unit/api/test_dispatch.py::test_the_list_of_commands_is_what_clients_generate_code_from",
    "percentages are strings": "unit/api/test_infrastructure.py::test_the_whole_range_costs_nothing",
    "securitygroupenabled in, securitygroupsenabled out": "unit/api/test_infrastructure.py::test_a_zone_shows_what_was_given",
    "the end of a range has a default": "unit/api/test_infrastructure.py::test_a_pods_addresses_are_lists_and_its_end_has_a_default",
    "displaytext is the name where not given": "unit/api/test_infrastructure.py::test_offerings_in_use_or_built_in_stay",
    "errors have a content type": "unit/api/test_dispatch.py::test_errors_are_json_where_json_was_asked_for",
}
WORKFLOWS = range(1, 13)


def _tests(file: str) -> set[str]:
    return {node.name for node in ast.walk(parsed(ROOT / "tests" / file)) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_has_its_test(trap: str) -> None:
    file, _, name = TRAPS[trap].partition("::")
    assert name in _tests(file), "the test went; name the one that took its place"


def test_every_workflow_of_a_real_client_is_run() -> None:
    files = sorted(path.name for path in (ROOT / "tests" / "api").glob("test_real_*.py"))
    words = [word for file in files for name in _tests(f"api/{file}") for word in _numbers(name)]
    assert set(words) >= set(WORKFLOWS)


def _numbers(name: str) -> range | tuple[int, ...]:
    """``test_d3_to_d6_…`` → 3, 4, 5, 6."""
    parts = name.split("_")[1:4]
    marks = [int(part[1:]) for part in parts if part[:1] == "d" and part[1:].isdigit()]
    return range(marks[0], marks[-1] + 1) if marks else ()

"""What CloudStack has and we do not: lists are empty, writes are refused with the reason."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from tests.unit.api.desk import Desk
from vxloom.server.absent import MARK, REFUSED, EmptyList, commands
from vxloom.server.command import registry

EMPTY = sorted(command.name for command in commands() if isinstance(command, EmptyList))


@pytest.mark.parametrize("name", EMPTY)
def test_a_list_of_what_there_is_none_of_is_empty(desk: Desk, name: str) -> None:
    assert desk.ask(name, listall="true", page=1, pagesize=500) == {}
    assert desk.refused(name, page=1).status == 431
    assert desk.refused(name, page=1, pagesize=501).status == 431
    if any(parameter.name == "id" for parameter in registry()[name].parameters):
        assert desk.refused(name, id="7").status == 431


def test_the_keys_around_the_answers_are_cloudstacks(desk: Desk) -> None:
    def wrapper(name: str) -> str:
        [key] = json.loads(desk.raw(name).body)
        return str(key)

    assert wrapper("listRouters") == "listroutersresponse"
    assert wrapper("listLdapConfigurations") == "ldapconfigurationresponse"
    assert ET.fromstring(desk.raw("listLdapConfigurations", form="xml").body).tag == "ldapconfigurationresponse"


def test_what_is_never_enabled_says_so(desk: Desk) -> None:
    assert desk.ask("cloudianIsEnabled") == {"cloudianisenabled": {"enabled": False}}
    assert desk.ask("quotaIsEnabled") == {"isenabled": {"isenabled": False}}


def test_users_may_ask_what_is_not_about_the_hosts(desk: Desk) -> None:
    tenant = desk.tenant("blue")
    for name in ("listPublicIpAddresses", "listPortForwardingRules", "listIpForwardingRules", "listVPCs", "listSecurityGroups", "listIsos"):
        assert tenant.ask(name) == {}
    for name in ("listRouters", "listSystemVms", "listStoragePools", "listImageStores"):
        assert tenant.refused(name).status == 401


def test_empty_lists_are_marked_where_clients_look(desk: Desk) -> None:
    described = {api["name"]: api["description"] for api in desk.ask("listApis")["api"]}
    assert [name for name in EMPTY if MARK not in described[name]] == []
    assert not set(described) & set(REFUSED)


def test_a_write_we_do_not_have_is_refused_with_the_reason(desk: Desk) -> None:
    for name, (reason, instead) in REFUSED.items():
        reply = desk.raw(name)
        [(wrapper, content)] = json.loads(reply.body).items()
        assert (reply.status, wrapper, content["errorcode"]) == (432, "errorresponse", 432)
        assert content["errortext"] == f"{name} is not supported: {reason} ({instead})"


def test_nobody_is_told_before_the_signature_was_found_right(desk: Desk) -> None:
    assert desk.as_user(desk.key, "wrong").refused("createFirewallRule").status == 401

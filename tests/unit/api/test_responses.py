from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.errors import RequestError
from vxloom.server.responses import JSON_TYPE, XML_TYPE, failure, many, one, reply, success


def as_json(content) -> object:
    answer = reply("xresponse", content, json=True)
    assert answer.content_type == JSON_TYPE
    return json.loads(answer.body)["xresponse"]


def as_xml(content) -> ET.Element:
    answer = reply("xresponse", content, json=False)
    assert answer.content_type == XML_TYPE
    root = ET.fromstring(answer.body)
    assert root.tag == "xresponse"
    return root


def test_an_empty_list_is_empty() -> None:
    assert as_json(many("zone", [])) == {}
    assert len(as_xml(many("zone", []))) == 0


def test_a_page_past_the_end_has_only_a_count() -> None:
    assert as_json(many("zone", [], 7)) == {"count": 7}


def test_a_page_says_how_many_there_are() -> None:
    assert as_json(many("zone", [{"id": "a"}], 7)) == {"count": 7, "zone": [{"id": "a"}]}


def test_null_is_left_out_at_any_depth_and_empty_lists_stay() -> None:
    content = one("vm", {"a": None, "nic": [{"b": None, "c": 1}], "tags": [], "details": {"d": None}})
    assert as_json(content) == {"vm": {"nic": [{"c": 1}], "tags": [], "details": {}}}


def test_success_is_a_boolean() -> None:
    assert as_json(success()) == {"success": True}
    assert as_xml(success()).findtext("success") == "true"


def test_an_error_has_the_documented_fields() -> None:
    assert as_json(failure(RequestError("no", code=536, cs_code=4375))) == {
        "uuidList": [],
        "errorcode": 536,
        "cserrorcode": 4375,
        "errortext": "no",
    }


def test_lists_are_repeated_elements_in_xml() -> None:
    root = as_xml(many("zone", [{"name": "a<&>b", "tags": []}, {"name": "c", "ok": False}]))
    assert root.findtext("count") == "2"
    assert [zone.findtext("name") for zone in root.findall("zone")] == ["a<&>b", "c"]
    assert root.findall("zone")[1].findtext("ok") == "false"


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_whatever_people_write_is_valid_xml(details: dict[str, str]) -> None:
    assert as_xml(one("vm", {"details": details})) is not None


@pytest.mark.parametrize("name", ["", "1a", "a b", "é", "-x"])
def test_names_that_xml_cannot_write_are_changed(name: str) -> None:
    assert as_xml({name: "v"})[0].text == "v"


def test_json_is_one_line_of_utf8() -> None:
    body = reply("x", one("zone", {"name": "né\n汉"}), json=True).body
    assert b"\n" not in body
    assert "汉".encode() in body

"""API discovery as CloudMonkey does it: what it demands of every field, and every list that asks for nothing is callable."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cs import CloudStackApiException

from tests.api.cloud import Cloud
from tests.api.programs import COMMAND_LINES, Programs


@pytest.fixture(scope="module")
def found(programs: Programs) -> list[dict[str, Any]]:
    text = programs.succeed(COMMAND_LINES["debian"], "listApis", "listall=true")
    return list(json.loads(text)["api"])


def test_cloudmonkeys_cache_takes_every_entry(found: list[dict[str, Any]]) -> None:
    """It asserts these Go types without a check: one that is missing or of another type ends its `sync` in a panic."""
    names = {api["name"] for api in found}
    assert len(names) == len(found)
    for api in found:
        assert re.fullmatch(r"[a-z]+[A-Z0-9]\w*|login|logout", api["name"]), api["name"]  # verb and noun part at the first capital
        assert isinstance(api["isasync"], bool), api["name"]
        assert isinstance(api["description"], str), api["name"]
        for parameter in api["params"]:
            where = (api["name"], parameter)
            assert all(isinstance(parameter[field], str) for field in ("name", "type", "description")), where
            assert isinstance(parameter["required"], bool), where
            assert isinstance(parameter.get("length", 0), int), where
            # completion: the first related command that lists, and whose noun is the parameter's
            assert set(filter(None, parameter.get("related", "").split(","))) <= names, where
        for field in api["response"]:
            assert not field or all(isinstance(field[part], str) for part in ("name", "type", "description")), (api["name"], field)


def test_every_list_that_requires_nothing_answers(cloud: Cloud, found: list[dict[str, Any]]) -> None:
    asked = [api["name"] for api in found if api["name"].startswith("list") and not any(p["required"] for p in api["params"])]
    assert len(asked) > 30
    refused = {}
    for name in asked:
        try:
            answer = getattr(cloud.api, name)()
        except CloudStackApiException as error:
            # one of two parameters cannot be said in listApis; the refusal must say it
            if "missing parameter" not in error.error["errortext"]:
                refused[name] = error.error
        else:
            assert isinstance(answer, dict), name
            assert not answer or set(answer) - {"count"}, name  # an empty list is {}, never {"count": 0}
    assert refused == {}

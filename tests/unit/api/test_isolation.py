"""Another's object does not exist: whatever id of another's is given to whichever command, the answer is that for an id nobody has.

The walk is driven by the commands' own declarations, so a new command is walked from its first day.
"""

from __future__ import annotations

import pytest

from tests.unit.api.walk import NOBODY, Town, dump, filled, id_parameters, said
from vxloom.server.absent import Absent
from vxloom.server.command import Command, registry
from vxloom.server.parameters import Kind

QUESTIONS = ("list", "get", "query", "find")
COMMANDS = sorted(name for name, command in registry().items() if not isinstance(command, Absent))
"""Those that have something to hide."""


KNOWN_BY_NAME = {
    "createAccount": "the name of the new account",
    "addAccountToProject": "a project's admin adds accounts of its domain by their names, as with the real server",
    "updateProject": "the same",
}
"""Commands whose ``account`` tells whether there is one of that name in the caller's own domain, and why."""


def _names(command: Command) -> list[str]:
    return [p.name for p in command.parameters if p.name == "account" and command.name not in KNOWN_BY_NAME]


@pytest.mark.parametrize("who", ["ann", "dora"])
@pytest.mark.parametrize("name", COMMANDS)
def test_anothers_objects_do_not_exist(town: Town, name: str, who: str) -> None:
    command = registry()[name]
    probes = {spelled: (parameter, town.foreign, NOBODY) for spelled, parameter in id_parameters(command).items()}
    probes |= {spelled: (None, {"account": "bob"}, "nobody") for spelled in _names(command)}
    for spelled, (parameter, foreign, nobody) in probes.items():
        given = filled(town, who, command, but=spelled.partition("__")[0])
        listall = {"listall": "true"} if spelled != "listall" else {}
        desk = town.visit(who)
        before = dump(desk)
        status, content, expected = said(desk, name, given | listall | {spelled: nobody}, nobody)
        if status == 401:
            continue
        if parameter is not None and parameter.required and parameter.kind is Kind.UUID:
            assert status == 431, (spelled, content)
            assert f"Invalid parameter {spelled} value={nobody}" in content["errortext"], "what is checked before the id?"
        if status == 200 and not name.startswith(QUESTIONS):
            before = dump(desk)  # the parameter says nothing to this caller; the command did what it does
        for kind, id_ in foreign.items():
            answered, content, text = said(desk, name, given | listall | {spelled: id_}, id_)
            if answered == status == 200:
                assert not _foreign(town, text), (spelled, kind, text)
                continue
            assert (answered, text) == (status, expected), (spelled, kind)
        if status != 200 or name.startswith(QUESTIONS):
            assert dump(desk) == before, spelled


def _foreign(town: Town, text: str) -> list[str]:
    """Return what of bob's (or of the hosts) an answer shows."""
    words = [*town.foreign.values(), '"bob', "secret-host", "admin@"]
    return [word for word in words if word in text]


@pytest.mark.parametrize("who", ["ann", "dora"])
@pytest.mark.parametrize("name", [name for name in COMMANDS if name.startswith(QUESTIONS)])
def test_lists_show_nothing_of_anothers(town: Town, name: str, who: str) -> None:
    desk = town.visit(who)
    for more in ({}, {"listall": "true"}, {"listall": "true", "isrecursive": "true"}, {"projectid": "-1", "listall": "true"}):
        status, _, text = said(desk, name, filled(town, who, registry()[name]) | more, NOBODY)
        if name != "listApis" and status == 200:
            assert not _foreign(town, text.replace(town.foreign["listDomains"], "")), (more, text)

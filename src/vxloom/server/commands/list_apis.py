"""listApis."""

from __future__ import annotations

from collections.abc import Mapping

from vxloom.server import untaken
from vxloom.server.call import Call
from vxloom.server.command import Command, Field, fields, registry
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, many

_PARAMS = fields("""
name string the parameter's name
description string what it means
type string its type
length integer longest text taken
required boolean whether it must be given
related string commands that list what it may name
""")
_RESPONSE = fields("""
name string the field's name
description string what it means
type string its type
response list the fields of the objects in it
""")


class ListApis(Command):
    """Lists the commands the caller may use, with their parameters and the fields of their answers."""

    name = "listApis"
    for_users = True
    parameters = (Parameter("name", Kind.STRING, "only this command"),)
    answer = fields(
        """
name string the command's name
description string what it does
isasync boolean whether it answers with a job
related string commands about the same kind of object
params list its parameters
response list the fields of its answer
""",
        params=_PARAMS,
        response=_RESPONSE,
    )
    example = "listApis name=createNetwork"

    def run(self, call: Call) -> Fields:
        """Return the table all of this is driven by."""
        wanted = call.arguments.filled("name")
        usable = {name: command for name, command in registry().items() if command.allows(call.caller)}
        alike: dict[tuple[Field, ...], list[str]] = {}
        for command in usable.values():
            alike.setdefault(command.answer, []).append(command.name)
        asked = [command for command in usable.values() if wanted is None or command.name.lower() == wanted.lower()]
        return many("api", [_api(command, alike, frozenset(usable)) for command in asked])


def _api(command: Command, alike: Mapping[tuple[Field, ...], list[str]], usable: frozenset[str]) -> Fields:
    """Return a command; related to it are those that answer with the same object, as in the real server."""
    related = alike[command.answer] if _is_object(command.answer) else []
    return {
        "name": command.name,
        "description": command.summary(),
        "isasync": command.asynchronous,
        "related": ",".join(name for name in related if name != command.name),
        "params": [_parameter(parameter, usable) for parameter in (*command.takes, *(one.declared for one in untaken.of(command.name)))],
        "response": [_field(field) for field in (*command.answer, *(_JOB if command.asynchronous else ()))],
    }


_JOB = fields("jobid string the job's id\njobstatus integer 0 pending, 1 done, 2 failed")


def _is_object(answer: tuple[Field, ...]) -> bool:
    """Tell an object, which has an id, from what many commands answer and that says nothing (success, an empty list's id)."""
    return len(answer) > 1 and answer[0].name == "id"


def _parameter(parameter: Parameter, usable: frozenset[str]) -> Fields:
    related = ",".join(name for name in parameter.related.split(",") if name in usable)
    return {
        "name": parameter.name,
        "description": parameter.description,
        "type": parameter.kind.value,
        "length": parameter.length,
        "required": parameter.required,
        "related": related or None,
    }


def _field(field: Field) -> Fields:
    return {
        "name": field.name,
        "description": field.description,
        "type": field.kind,
        "response": [_field(inner) for inner in field.nested] or None,
    }

"""What a command of the API is, and how the command files are found.

A command file holds one subclass of :class:`Command`; its declaration drives dispatch, checking, ``listApis`` and the reference alike, so
that they cannot drift apart.
"""

from __future__ import annotations

import abc
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import ClassVar

from vxloom.errors import RequestError
from vxloom.server import commands
from vxloom.server.call import Call, Caller
from vxloom.server.parameters import IDEMPOTENCY_KEY, Parameter, shown
from vxloom.server.responses import Fields
from vxloom.server.roles import permits
from vxloom.server.waiting import Step


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a command's answer, as ``listApis`` shows it."""

    name: str
    kind: str
    description: str
    nested: tuple[Field, ...] = ()


def fields(text: str, **nested: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields of a table: one ``name type description`` a line; ``nested`` gives the fields of lists of objects."""
    rows = [line.split(maxsplit=2) for line in text.strip().splitlines()]
    return tuple(Field(name, kind, description, nested.get(name, ())) for name, kind, description in rows)


QUESTIONS = ("list", "query", "get", "find", "vxloom")
"""How the names of commands begin that only ask. Commands of our own that look at something begin with ``vxloom``."""
SUCCESS = fields("success boolean true when it was done\ndisplaytext string what was done")


class Command(abc.ABC):
    """One command. The class's docstring is its description for clients (first line) and for the reference (all of it)."""

    name: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    answer: ClassVar[tuple[Field, ...]] = SUCCESS
    """Fields of the object (or of each listed object) in the answer, or in the result of its job."""
    asynchronous: ClassVar[bool] = False
    for_users: ClassVar[bool] = False
    """Whether all accounts may call it, not only root admins."""
    unsigned: ClassVar[bool] = False
    """Whether it is answered without knowing who asks: its caller is then nobody."""
    for_domain_admins: ClassVar[bool] = False
    """Whether domain admins may call it, too."""
    answers_secret: ClassVar[bool] = False
    """Whether its answer holds a secret that is told once and kept nowhere: no key then makes it be remembered."""
    wrapper: ClassVar[str] = ""
    """The key around the answer where it is not the lower-cased name and ``response``."""
    example: ClassVar[str]
    """A call as a person types it with the ``cs`` client; the reference shows it."""

    @abc.abstractmethod
    def run(self, call: Call) -> Fields:
        """Return the content of the answer; raises :class:`RequestError`. Never waits for a host: a job does that."""

    def advance(self, step: Step) -> None:
        """Carry a job of this command on: finish it, or begin its next phase. Only commands whose jobs wait have it."""
        raise NotImplementedError(f"{self.name} has no jobs that wait")

    @property
    def asks(self) -> bool:
        """Whether it only asks: it changes nothing, so it may be sent by GET and as often as one likes."""
        return self.name.startswith(QUESTIONS) or self.name.endswith("IsEnabled")

    @property
    def takes(self) -> tuple[Parameter, ...]:
        """All its parameters: the declared ones, and what every command takes that changes something and whose answer may be kept."""
        return self.parameters if self.asks or self.answers_secret else (*self.parameters, IDEMPOTENCY_KEY)

    def allows(self, caller: Caller) -> bool:
        """Tell whether a caller may use the command at all; what it may see with it is the command's business.

        The type of its role is the bound; the role's rules take from that.
        """
        if not (self.for_users or caller.root or (self.for_domain_admins and caller.domain_admin)):
            return False
        return caller.rules is None or permits(caller.rules, self.name)

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the description."""
        return (inspect.getdoc(cls) or "").partition("\n")[0].replace("``", "")


@cache
def registry() -> Mapping[str, Command]:
    """Return every command by its name: the files', then the always empty lists. Two of one name are a defect of ours."""
    from vxloom.server import absent  # it is made of commands

    modules = pkgutil.iter_modules(commands.__path__, f"{commands.__name__}.")
    found: dict[str, Command] = {}
    for command in (*(_command_of(module.name) for module in modules), *absent.commands()):
        if command.name in found:
            raise ValueError(f"two commands are called {command.name}; one that has a file needs no row in absent.py")
        found[command.name] = command
    return MappingProxyType(found)


def find(name: str) -> Command:
    """Return a command; raises :class:`RequestError` 432 when there is none of that name (its case counts, as in the real server).

    For a command CloudStack has and we do not, the error says why, and what to do instead.
    """
    from vxloom.server import absent

    found = registry().get(name)
    if found is not None:
        return found
    raise absent.refusal(name) or RequestError(
        f"The given command:{shown(name) or '(none)'} does not exist or it is not available for user",
        code=432,
        cs_code=9999,
        remedy="listApis names them all",
    )


def _command_of(module: str) -> Command:
    members = vars(importlib.import_module(module)).values()
    classes = [m for m in members if inspect.isclass(m) and issubclass(m, Command) and m.__module__ == module]
    if len(classes) != 1:
        raise ValueError(f"{module} holds {len(classes)} commands; one file, one command")
    command: Command = classes[0]()
    return command

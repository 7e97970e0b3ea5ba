"""What machines can be made from here: what the hosts' sources of guests can run. There are no disk images."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.model.intent import GuestSource
from vxloom.server.call import Call
from vxloom.server.os_types import described
from vxloom.server.parameters import Arguments, Kind, Parameter
from vxloom.store import records

SCHEME = "vxloom:"
_SOURCES = {f"{SCHEME}{source}": source for source in (GuestSource.NAMESPACE, GuestSource.EXTERNAL)}
_REMEDY = f"give url={SCHEME}{GuestSource.NAMESPACE} for guests the agent makes, or {SCHEME}{GuestSource.EXTERNAL} for guests others start"
SHOWN = (
    Parameter("displaytext", Kind.STRING, "what people read; default: its name"),
    Parameter("ostypeid", Kind.UUID, "its operating system, for people to read", related="listOsTypes"),
    Parameter("ispublic", Kind.BOOLEAN, "whether all accounts may use it"),
    Parameter("isfeatured", Kind.BOOLEAN, "whether it is shown first; for root admins"),
)
"""Parameters that every command takes that makes a template."""


def source_of(call: Call, url: str) -> GuestSource:
    """Return who runs machines made from a URL; raises :class:`RequestError` 431 for anything that would have to be fetched, 531 where
    only root admins may say so.
    """
    source = _SOURCES.get(url.strip().lower())
    if source is None:
        raise RequestError(
            f"Unable to register a template from {url[:80]}: nothing is fetched here, machines are what the hosts' sources of guests run",
            remedy=_REMEDY,
        )
    if source is not GuestSource.NAMESPACE and not call.caller.root:
        raise RequestError("Templates of guests that others start are for root admins: they name devices of a host", code=531, cs_code=4365)
    return source


def shown(call: Call, given: Arguments) -> dict[str, object]:
    """Return the columns of the parameters ``SHOWN`` that were given."""
    columns: dict[str, object] = {}
    if text := given.filled("displaytext"):
        columns["display_text"] = text
    if os_type := given.filled("ostypeid"):
        columns["os_type"] = described(os_type)
    if (public := given.choice("ispublic")) is not None:
        columns["is_public"] = public
    if (featured := given.choice("isfeatured")) is not None and call.caller.root:
        columns["is_featured"] = featured
    return columns


def refuse_external(vm: records.Vm) -> None:
    """Raise 431 for a guest that others run: what its disk holds is not ours to copy."""
    if vm.guest_source is GuestSource.EXTERNAL:
        raise RequestError(f"Unable to make a template of instance {vm.name}: others run it", remedy="make it where it runs")

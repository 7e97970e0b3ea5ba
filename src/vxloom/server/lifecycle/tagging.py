"""What can carry tags, and who may put them there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.lifecycle import offerings, volumes
from vxloom.server.parameters import unknown_id
from vxloom.server.views.derived import root_volume_id
from vxloom.store import ReadTransaction, records

MOST = 100
"""Tags of one object."""


def _of_machine(call: Call, rx: ReadTransaction, given: str) -> str:
    return owners.fetch_owned(call, rx, records.Vm, given, "resourceids").account


def _of_network(call: Call, rx: ReadTransaction, given: str) -> str:
    return owners.fetch_owned(call, rx, records.Network, given, "resourceids").account


def _of_nic(call: Call, rx: ReadTransaction, given: str) -> str:
    nic = owners.fetch_nic(call, rx, given, "resourceids")
    return owners.fetch(rx, records.Vm, nic.vm).account


def _of_project(call: Call, rx: ReadTransaction, given: str) -> str:
    return owners.fetch_project(call, rx, given, "resourceids").account


def _of_template(call: Call, rx: ReadTransaction, given: str) -> str:
    return offerings.own_template(call, rx, given, "resourceids").account


def _of_volume(call: Call, rx: ReadTransaction, given: str) -> str:
    # There are no rows of volumes: an id that is written otherwise would name the same one.
    if given not in {root_volume_id(machine) for machine in volumes.machine_ids((given,))}:
        raise unknown_id("resourceids", given)
    return volumes.machine_of(call, rx, given, "resourceids").account


_KINDS: dict[str, Callable[[Call, ReadTransaction, str], str]] = {
    "UserVm": _of_machine,
    "Network": _of_network,
    "Nic": _of_nic,
    "Project": _of_project,
    "Template": _of_template,
    "Volume": _of_volume,
}
"""CloudStack's name of a kind of object (ResourceTag.java) → whose one is that the caller may tag."""


def kind_of(text: str) -> str:
    """Return a kind of object as CloudStack writes it; raises 431 for one that carries no tags here."""
    for kind in _KINDS:
        if kind.lower() == text.strip().lower():
            return kind
    raise RequestError(f"Invalid resource type {text[:80]}", remedy=f"give one of {', '.join(_KINDS)}")


def named(call: Call, rx: ReadTransaction) -> dict[str, str]:
    """Return object id → owning account of ``resourceids``; raises 431 for none, and for one the caller does not reach."""
    kind = kind_of(call.arguments.need("resourcetype"))
    ids = [given.lower() for given in call.arguments.items("resourceids")]
    if not ids:
        raise RequestError("resourceids names nothing", remedy="give the objects' ids, comma-separated")
    return {given: _KINDS[kind](call, rx, given) for given in ids}


def pairs_of(rows: tuple[Mapping[str, str], ...]) -> dict[str, str | None]:
    """Return key → value (None: not said) of a ``tags`` map; raises 431 for an entry without a key."""
    found: dict[str, str | None] = {}
    for row in rows:
        entry = {name.lower(): value for name, value in row.items()}
        if not entry.get("key", "").strip():
            raise RequestError("Each of tags needs a key", remedy="write tags[0].key=KEY&tags[0].value=VALUE")
        if max(len(text) for text in entry.values()) > 255:
            raise RequestError("A tag's key and value have at most 255 characters")
        found[entry["key"]] = entry.get("value")
    return found

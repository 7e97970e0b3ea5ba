"""Tags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import owners, within
from vxloom.store import ReadTransaction, records

TAG = fields("""
key string the tag's key
value string its value
resourceid string the object it is on
resourcetype string that object's kind: UserVm, Network, Nic, Project or Template
account string the object's owner
domain string the owner's domain
domainid string that domain's id
project string the owning project
projectid string that project's id
""")


def tag_views(rx: ReadTransaction, tags: Sequence[records.Tag]) -> list[Fields]:
    """Return tags."""
    whose = owners(rx, (tag.account for tag in tags)) if tags else {}
    return [
        {
            "key": tag.key,
            "value": tag.value,
            "resourceid": tag.resource,
            "resourcetype": tag.resource_type,
            **whose[tag.account],
        }
        for tag in tags
    ]


def tags_of(rx: ReadTransaction, resources: Iterable[str]) -> dict[str, list[Fields]]:
    """Return the tags of objects, by the object's id; one without tags has an empty list."""
    found: dict[str, list[Fields]] = defaultdict(list)
    rows = within(rx, records.Tag, "resource", resources)
    for row, view in zip(rows, tag_views(rx, rows), strict=True):
        found[row.resource].append(view)
    return found

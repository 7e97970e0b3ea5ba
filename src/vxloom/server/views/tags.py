"""Tags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import owners, within
from vxloom.store import ReadTransaction, records

TAG = fields("""
key string the tag's key
value string its value
resourceid string the object it is on
resourcetype string that object's kind: UserVm, Network, Nic, Project, Template or Volume
account string the object's owner
domain string the owner's domain
domainid string that domain's id
project string the owning project
projectid string that project's id
customer string whom it is for, as stated when it was made
""")


def tag_views(rx: ReadTransaction, tags: Sequence[records.Tag]) -> list[Fields]:
    """Return tags."""
    return _views(tags, owners(rx, (tag.account for tag in tags)) if tags else {})


def tags_of(rx: ReadTransaction, resources: Iterable[str], whose: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, list[Fields]]:
    """Return the tags of objects, by the object's id; one without tags has an empty list.

    ``whose``: what `values.owners` returned for the objects' accounts, where that is known: a tag's owner is its object's.
    """
    found: dict[str, list[Fields]] = defaultdict(list)
    rows = within(rx, records.Tag, "resource", resources, order="key")
    views = tag_views(rx, rows) if whose is None else _views(rows, whose)
    for row, view in zip(rows, views, strict=True):
        found[row.resource].append(view)
    return found


def _views(tags: Sequence[records.Tag], whose: Mapping[str, Mapping[str, str]]) -> list[Fields]:
    return [
        {
            "key": tag.key,
            "value": tag.value,
            "resourceid": tag.resource,
            "resourcetype": tag.resource_type,
            **whose[tag.account],
            "customer": tag.customer,
        }
        for tag in tags
    ]

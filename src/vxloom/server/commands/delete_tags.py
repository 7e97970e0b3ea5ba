"""deleteTags."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import tagging
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteTags(Command):
    """Takes tags off objects: those named, with a value only if it is that, or all."""

    name = "deleteTags"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("resourceids", Kind.LIST, "the objects, comma-separated", required=True),
        Parameter("resourcetype", Kind.STRING, "their kind: UserVm, Network, Nic, Project, Template or Volume", required=True),
        Parameter("tags", Kind.MAP, "tags[0].key=KEY, also tags[0].value=VALUE; default: all"),
    )
    example = "deleteTags resourcetype=UserVm resourceids=ID tags[0].key=role"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 where no object has such a tag."""
        given = call.arguments
        with call.write() as tx:
            kind, objects = tagging.kind_of(given.need("resourcetype")), tagging.named(call, tx)
            pairs = tagging.pairs_of(given.rows("tags"))
            found = 0
            for resource in objects:
                doomed = [
                    tag
                    for tag in tx.all(records.Tag, resource=resource, resource_type=kind)
                    if not pairs or (tag.key in pairs and pairs[tag.key] in {None, tag.value})
                ]
                found += len(doomed)
                if doomed:
                    tx.delete_where(records.Tag, id=[tag.id for tag in doomed])
                    call.event(tx, "DELETE_TAGS", f"Untagged {kind} {resource}: {', '.join(tag.key for tag in doomed)}", kind, resource)
            if not found:
                raise RequestError("Unable to find any tags which conform to specified delete parameters.", remedy="see listTags")
            return call.finished_job(tx, kind, next(iter(objects), ""), success())

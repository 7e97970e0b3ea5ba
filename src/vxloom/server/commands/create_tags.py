"""createTags."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import tagging
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class CreateTags(Command):
    """Puts tags on objects."""

    name = "createTags"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("resourceids", Kind.LIST, "the objects, comma-separated", required=True, length=40000),
        Parameter("resourcetype", Kind.STRING, "their kind: UserVm, Network, Nic, Project, Template or Volume", required=True),
        Parameter("tags", Kind.MAP, "tags[0].key=KEY&tags[0].value=VALUE", required=True),
        Parameter("customer", Kind.STRING, "whom the tags are for, for people to read"),
    )
    example = "createTags resourcetype=UserVm resourceids=ID tags[0].key=role tags[0].value=web"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 530, as the real server, for a key an object has already (TaggedResourceManagerImpl.java)."""
        given, customer = call.arguments, call.arguments.filled("customer")
        with call.write() as tx:
            kind, objects = tagging.kind_of(given.need("resourcetype")), tagging.named(call, tx)
            pairs = tagging.pairs_of(given.rows("tags"))
            if any(value is None for value in pairs.values()):
                raise RequestError("Each of tags needs a value", remedy="write tags[0].key=KEY&tags[0].value=VALUE")
            for resource, account in objects.items():
                known = {tag.key for tag in tx.all(records.Tag, resource=resource)}
                if taken := sorted(known & set(pairs)):
                    raise RequestError(
                        f"tag {taken[0]} already on {kind} with id {resource}",
                        code=530,
                        cs_code=4250,
                        remedy="delete it first: deleteTags",
                    )
                if len(known) + len(pairs) > tagging.MOST:
                    raise RequestError(f"An object has at most {tagging.MOST} tags")
                rows = [
                    records.Tag(account=account, resource_type=kind, resource=resource, key=key, value=value or "", customer=customer)
                    for key, value in pairs.items()
                ]
                tx.add_all(rows)
                call.event(tx, "CREATE_TAGS", f"Tagged {kind} {resource}: {', '.join(pairs)}", kind, resource)
            return call.finished_job(tx, kind, next(iter(objects), ""), success())

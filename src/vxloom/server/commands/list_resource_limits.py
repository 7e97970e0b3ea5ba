"""listResourceLimits."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import paged
from vxloom.server.parameters import OWNED, PAGE, PAGE_SIZE, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.values import owners as whose_of
from vxloom.store import ReadTransaction


class ListResourceLimits(Command):
    """Lists how much an account, a project or a domain may have of each kind of resource: there are no limits, so -1 each."""

    name = "listResourceLimits"
    for_users = True
    parameters = (
        Parameter("resourcetype", Kind.INTEGER, "only this kind: 0 machines, 5 projects, 6 networks, …"),
        Parameter("resourcetypename", Kind.STRING, "the same by its name: user_vm, project, network, …"),
        *OWNED,
        PAGE,
        PAGE_SIZE,
    )
    answer = fields("""
    resourcetype string number of the kind of resource
    resourcetypename string its name
    max long always -1: no limit
    account string whose
    project string the project whose
    projectid string that project's id
    domain string its domain
    domainid string that domain's id
    """)
    example = "listResourceLimits resourcetype=0"

    def run(self, call: Call) -> Fields:
        """Return a line for each kind."""
        given = call.arguments
        wanted, name = given.number("resourcetype"), (given.filled("resourcetypename") or "").lower()
        if wanted is not None and wanted not in range(len(_KINDS)):
            raise RequestError(f"Please specify a valid resource type, not {wanted}", remedy=f"give 0 to {len(_KINDS) - 1}")
        with call.read() as rx:
            whose = _whose(call, rx)
            lines: list[Fields] = [
                {"resourcetype": str(number), "resourcetypename": kind, "max": -1, **whose}
                for number, kind in enumerate(_KINDS)
                if wanted in {None, number} and name in {"", kind}
            ]
            return paged(rx, given, "resourcelimit", lines)


def _whose(call: Call, rx: ReadTransaction) -> Fields:
    """Return whose limits are asked for: a domain's when only it is named, else an account's."""
    given = call.arguments
    if (domain := given.filled("domainid")) and not given.filled("account"):
        row = owners.fetch_domain(call, rx, domain)
        return {"domain": row.name, "domainid": row.id}
    accounts = owners.visible(call, rx) if given.filled("account") or given.filled("projectid") else None
    account = accounts[0] if isinstance(accounts, tuple) and accounts else call.caller.account.id
    return whose_of(rx, [account]).get(account, {})


_KINDS = (
    *("user_vm", "public_ip", "volume", "snapshot", "template", "project"),
    *("network", "vpc", "cpu", "memory", "primary_storage", "secondary_storage"),
)
"""In the order of their numbers (Resource.java)."""

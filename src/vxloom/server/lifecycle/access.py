"""Who may see a network and put machines on it: its owner, and with ``acltype`` Domain the accounts of a domain, or everybody.

Seeing and using only: changing a network is its owner's business, and that of the admins who reach the owner.
"""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.listing import Where
from vxloom.server.parameters import unknown_id
from vxloom.store import Either, NoneOf, ReadTransaction, records

DOMAIN = "Domain"
"""The ``acl_type`` of networks that are a domain's, or everybody's."""
_FILTERS: dict[str, Where | None] = {
    "all": {},
    "accountdomain": {},
    "account": {"acl_type": "Account"},
    "domain": {"acl_type": DOMAIN},
    "shared": None,
}
"""``networkfilter`` → conditions; None: nothing (networks are not shared with single accounts)."""


def uses(rx: ReadTransaction, network: records.Network, account: records.Account) -> bool:
    """Tell whether an account's machines may be on a network."""
    if network.account == account.id or account.type is records.AccountType.ROOT_ADMIN:
        return True
    if network.acl_type != DOMAIN:
        return False
    if network.domain in {None, account.domain}:
        return True
    return network.subdomain_access and network.domain in _above(rx, [account.domain])


def fetch(call: Call, rx: ReadTransaction, given: str, parameter: str, account: records.Account | None = None) -> records.Network:
    """Return a network the caller reaches or may use; raises :class:`RequestError` 431 when there is none, or it is others'.

    ``account``: whose machines are to be on it, where that is not the caller's own.
    """
    row = rx.get(records.Network, given)
    if row is None or not (owners.reaches(rx, call.caller, row.account) or uses(rx, row, account or call.caller.account)):
        raise unknown_id(parameter, given)
    return row


def visible(call: Call, rx: ReadTransaction) -> Where:
    """Return the conditions on what ``listNetworks`` shows: own networks, and those of the owners' domains, or everybody's."""
    accounts = owners.visible(call, rx)
    if accounts is None or isinstance(accounts, NoneOf):
        return {} if accounts is None else {"account": accounts}
    domains = sorted({row.domain for row in rx.all(records.Account, id=accounts)} if accounts else ())
    theirs: list[Where] = [
        {"acl_type": DOMAIN, "domain": None},
        {"acl_type": DOMAIN, "domain": domains},
        {"acl_type": DOMAIN, "domain": sorted(_above(rx, domains)), "subdomain_access": True},
    ]
    return {"either": Either({"account": accounts}, *(theirs if domains else []))}


def filtered(call: Call) -> Where | None:
    """Return the conditions of ``networkfilter``; None: nothing fits. Raises :class:`RequestError` 431 for a filter there is not."""
    text = call.arguments.filled("networkfilter")
    if text is None:
        return {}
    try:
        return _FILTERS[text.lower()]
    except KeyError:
        raise RequestError(f"Invalid networkfilter {text[:80]}", remedy=f"give one of {', '.join(sorted(_FILTERS))}") from None


def _above(rx: ReadTransaction, domains: list[str]) -> set[str]:
    """Return the domains that hold some domains, at any height."""
    paths = [row.path for row in rx.all(records.Domain, id=domains)]
    return {row.id for row in rx.all(records.Domain) if any(path.startswith(f"{row.path}/") for path in paths)}

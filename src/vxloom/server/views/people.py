"""Domains, accounts, users and their keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id, stamp, within
from vxloom.store import ReadTransaction, records

_ROLES = {
    records.AccountType.USER: "User",
    records.AccountType.ROOT_ADMIN: "Root Admin",
    records.AccountType.DOMAIN_ADMIN: "Domain Admin",
}
_ROLE_TYPES = {
    records.AccountType.USER: "User",
    records.AccountType.ROOT_ADMIN: "Admin",
    records.AccountType.DOMAIN_ADMIN: "DomainAdmin",
}

DOMAIN = fields("""
id string the domain's id
name string its name
path string its path: ROOT/a/b
level integer how deep it lies, ROOT is 0
haschild boolean whether there are domains below
parentdomainid string the domain above
parentdomainname string its name
networkdomain string network domain
state string Active
created date when it was made
""")

USER = fields("""
id string the user's id
username string its name
account string its account
accountid string its account's id
accounttype integer 0 user, 1 root admin, 2 domain admin
domain string its domain
domainid string its domain's id
firstname string first name
lastname string last name
email string mail address
timezone string time zone
state string enabled, disabled or locked
apikey string API key; where the caller may see it
roletype string role's type
rolename string role's name
iscallerchilddomain boolean whether the caller's domain lies below
isdefault boolean whether it came with the system
created date when it was made
""")

ACCOUNT = fields(
    """
id string the account's id
name string its name
accounttype integer 0 user, 1 root admin, 2 domain admin
domain string its domain
domainid string its domain's id
domainpath string its domain's path
state string enabled, disabled or locked
networkdomain string network domain
roletype string role's type
rolename string role's name
isdefault boolean whether it came with the system
networktotal long how many networks it owns
vmtotal long how many machines it owns
created date when it was made
user list its users
""",
    user=USER,
)

KEYS = fields("apikey string the API key\nsecretkey string the secret key")


def domain_views(rx: ReadTransaction, domains: Sequence[records.Domain]) -> list[Fields]:
    """Return domains."""
    above = by_id(rx, records.Domain, (domain.parent for domain in domains))
    parents = {row.parent for row in within(rx, records.Domain, "parent", (domain.id for domain in domains))}
    return [
        {
            "id": domain.id,
            "name": domain.name,
            "path": domain.path,
            "level": domain.level,
            "haschild": domain.id in parents,
            "parentdomainid": domain.parent,
            "parentdomainname": above[domain.parent].name if domain.parent in above else None,
            "networkdomain": domain.network_domain,
            "state": domain.state,
            "created": stamp(domain.created),
        }
        for domain in domains
    ]


def user_views(rx: ReadTransaction, users: Sequence[records.User]) -> list[Fields]:
    """Return users; never their secret keys."""
    accounts = by_id(rx, records.Account, (user.account for user in users))
    domains = by_id(rx, records.Domain, (account.domain for account in accounts.values()))
    return [_user(user, accounts[user.account], domains[accounts[user.account].domain]) for user in users]


def _user(user: records.User, account: records.Account, domain: records.Domain) -> Fields:
    return {
        "id": user.id,
        "username": user.username,
        "account": account.name,
        "accountid": account.id,
        "accounttype": int(account.type),
        "domain": domain.name,
        "domainid": domain.id,
        "firstname": user.first_name,
        "lastname": user.last_name,
        "email": user.email,
        "timezone": user.timezone,
        "state": user.state,
        "apikey": user.api_key,
        "roletype": _ROLE_TYPES[account.type],
        "rolename": _ROLES[account.type],
        "iscallerchilddomain": False,
        "isdefault": user.username == "admin" and domain.parent is None,
        "created": stamp(user.created),
    }


def account_views(rx: ReadTransaction, accounts: Sequence[records.Account]) -> list[Fields]:
    """Return accounts with their users."""
    domains = by_id(rx, records.Domain, (account.domain for account in accounts))
    users: dict[str, list[Fields]] = defaultdict(list)
    rows = within(rx, records.User, "account", (account.id for account in accounts))
    for row, view in zip(rows, user_views(rx, rows), strict=True):
        users[row.account].append(view)
    return [
        {
            "id": account.id,
            "name": account.name,
            "accounttype": int(account.type),
            "domain": domains[account.domain].name,
            "domainid": account.domain,
            "domainpath": domains[account.domain].path,
            "state": account.state,
            "networkdomain": account.network_domain,
            "roletype": _ROLE_TYPES[account.type],
            "rolename": _ROLES[account.type],
            "isdefault": account.name == "admin" and domains[account.domain].parent is None,
            "networktotal": rx.count(records.Network, account=account.id),
            "vmtotal": rx.count(records.Vm, account=account.id),
            "created": stamp(account.created),
            "user": users[account.id],
        }
        for account in accounts
    ]

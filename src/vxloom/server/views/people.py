"""Domains, accounts, users and their keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id, stamp, within
from vxloom.store import ReadTransaction, records

ROLE_TYPES = {
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
roleid string its role's id
roletype string role's type: Admin, DomainAdmin or User
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
roleid string its role's id
roletype string role's type: Admin, DomainAdmin or User
rolename string role's name
isdefault boolean whether it came with the system
networktotal long how many networks it owns
networklimit string always Unlimited
networkavailable string always Unlimited
projecttotal long how many projects it is an admin of
projectlimit string always Unlimited
projectavailable string always Unlimited
vmtotal long how many machines it owns
vmrunning integer how many of them run
vmstopped integer how many of them are stopped
vmlimit string always Unlimited
vmavailable string always Unlimited
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
    roles = _roles(rx, accounts.values())
    return [_user(user, accounts[user.account], domains[accounts[user.account].domain], roles[user.account]) for user in users]


def _user(user: records.User, account: records.Account, domain: records.Domain, role: Fields) -> Fields:
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
        **role,
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
    roles, totals = _roles(rx, accounts), _totals(rx, [account.id for account in accounts])
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
            **roles[account.id],
            "isdefault": account.name == "admin" and domains[account.domain].parent is None,
            **totals[account.id],
            "created": stamp(account.created),
            "user": users[account.id],
        }
        for account in accounts
    ]


def _roles(rx: ReadTransaction, accounts: Iterable[records.Account]) -> dict[str, Fields]:
    """Return the fields that say what an account may do, by account id."""
    own = {account.id: account.role or records.DEFAULT_ROLES.get(account.type) for account in accounts}
    types = {account.id: ROLE_TYPES.get(account.type) for account in accounts}
    roles = by_id(rx, records.Role, own.values())
    return {
        account: {"roleid": role, "roletype": types[account], "rolename": roles[role].name if role in roles else None}
        for account, role in own.items()
    }


def _totals(rx: ReadTransaction, accounts: Sequence[str]) -> dict[str, Fields]:
    """Return how much accounts own of what there could be limits for, by account id; there are none."""
    machines, networks = rx.tally(records.Vm, "account", accounts), rx.tally(records.Network, "account", accounts)
    running = rx.tally(records.Vm, "account", accounts, state=records.VmState.RUNNING)
    stopped = rx.tally(records.Vm, "account", accounts, state=records.VmState.STOPPED)
    projects = rx.tally(records.ProjectMember, "account", accounts, role=records.ProjectRole.ADMIN)
    free: Fields = {f"{what}{word}": "Unlimited" for what in ("network", "project", "vm") for word in ("limit", "available")}
    return {
        account: {
            **free,
            "networktotal": networks.get(account, 0),
            "projecttotal": projects.get(account, 0),
            "vmtotal": machines.get(account, 0),
            "vmrunning": running.get(account, 0),
            "vmstopped": stopped.get(account, 0),
        }
        for account in accounts
    }

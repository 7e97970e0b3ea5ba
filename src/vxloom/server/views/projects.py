"""Projects and their members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.people import USER, user_views
from vxloom.server.views.tags import TAG, tags_of
from vxloom.server.views.values import by_id, stamp, within
from vxloom.store import ReadTransaction, records

PROJECT = fields(
    """
id string the project's id
name string its name
displaytext string what people read
domain string its domain
domainid string its domain's id
state string Active or Suspended
projectaccountname string name of the account that owns its things
owner list its admins: account, accountid
networktotal long how many networks it owns
networklimit string always Unlimited
networkavailable string always Unlimited
vmtotal long how many machines it owns
vmrunning integer how many of them run
vmstopped integer how many of them are stopped
vmlimit string always Unlimited
vmavailable string always Unlimited
tags list tags of the project
created date when it was made
""",
    owner=fields("account string an admin's name\naccountid string its id"),
    tags=TAG,
)

MEMBER = fields(
    """
id string the project's id
projectid string the project's id
project string the project's name
account string the member's name
accountid string its id
accounttype integer 0 user, 1 root admin, 2 domain admin
role string Admin or Regular
domain string the project's domain
domainid string that domain's id
user list the member's users
""",
    user=USER,
)


def project_views(rx: ReadTransaction, projects: Sequence[records.Project]) -> list[Fields]:
    """Return projects with their admins."""
    domains = by_id(rx, records.Domain, (project.domain for project in projects))
    accounts = by_id(rx, records.Account, (project.account for project in projects))
    tags = tags_of(rx, (project.id for project in projects))
    admins = _admins(rx, projects)
    totals = _totals(rx, list(accounts))
    return [
        {
            "id": project.id,
            "name": project.name,
            "displaytext": project.display_text,
            "domain": domains[project.domain].name,
            "domainid": project.domain,
            "state": project.state,
            "projectaccountname": accounts[project.account].name,
            "owner": admins[project.id],
            **totals[project.account],
            "tags": tags[project.id],
            "created": stamp(project.created),
        }
        for project in projects
    ]


def member_views(rx: ReadTransaction, members: Sequence[records.ProjectMember]) -> list[Fields]:
    """Return members with their users."""
    projects = by_id(rx, records.Project, (member.project for member in members))
    accounts = by_id(rx, records.Account, (member.account for member in members))
    domains = by_id(rx, records.Domain, (project.domain for project in projects.values()))
    users: dict[str, list[Fields]] = defaultdict(list)
    rows = within(rx, records.User, "account", accounts)
    for row, view in zip(rows, user_views(rx, rows), strict=True):
        users[row.account].append({name: value for name, value in view.items() if name != "apikey"})
    return [
        {
            "id": member.project,
            "projectid": member.project,
            "project": projects[member.project].name,
            "account": accounts[member.account].name,
            "accountid": member.account,
            "accounttype": int(accounts[member.account].type),
            "role": member.role.value,
            "domain": domains[projects[member.project].domain].name,
            "domainid": projects[member.project].domain,
            "user": users[member.account],
        }
        for member in members
    ]


def _admins(rx: ReadTransaction, projects: Sequence[records.Project]) -> dict[str, list[Fields]]:
    rows = within(rx, records.ProjectMember, "project", (project.id for project in projects))
    admins = [row for row in rows if row.role is records.ProjectRole.ADMIN]
    accounts = by_id(rx, records.Account, (row.account for row in admins))
    found: dict[str, list[Fields]] = defaultdict(list)
    for row in admins:
        found[row.project].append({"account": accounts[row.account].name, "accountid": row.account})
    return found


def _totals(rx: ReadTransaction, accounts: Sequence[str]) -> dict[str, Fields]:
    machines, networks = rx.tally(records.Vm, "account", accounts), rx.tally(records.Network, "account", accounts)
    running = rx.tally(records.Vm, "account", accounts, state=records.VmState.RUNNING)
    stopped = rx.tally(records.Vm, "account", accounts, state=records.VmState.STOPPED)
    free: Fields = {f"{what}{word}": "Unlimited" for what in ("network", "vm") for word in ("limit", "available")}
    return {
        account: {
            **free,
            "networktotal": networks.get(account, 0),
            "vmtotal": machines.get(account, 0),
            "vmrunning": running.get(account, 0),
            "vmstopped": stopped.get(account, 0),
        }
        for account in accounts
    }

"""Jobs, events, alerts, settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from vxloom.server.command import fields
from vxloom.server.lifecycle.scopes import Scope
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id, owners, stamp
from vxloom.store import ReadTransaction, records
from vxloom.store.settings_catalogue import Setting

JOB = fields("""
jobid string the job's id
cmd string the command
jobstatus integer 0 pending, 1 done, 2 failed
jobprocstatus integer always 0
jobresultcode integer 0, or the error's code
jobresulttype string object
jobresult map what the command made, or errorcode and errortext
jobinstancetype string kind of the object concerned
jobinstanceid string its id
accountid string the account that asked
account string its name
domainid string its domain
domain string that domain's name
userid string the user that asked
created date when it was asked for
completed date when it ended
pendinghosts list hosts the job still waits for
""")

EVENT = fields("""
id string the event's id
type string what was done: VM.CREATE
level string INFO, WARN or ERROR
description string what was done, in words
state string Created, Scheduled, Started or Completed
account string whose
domainid string its domain
domain string that domain's name
username string who did it
resourceid string the object's id
resourcetype string the object's kind
archived boolean whether it was put aside
created date when
""")

ALERT = fields("""
id string the alert's id
type integer number of its kind
name string its kind
description string what is wrong and what to do
sent date when it was raised or said again
resolved date when it was resolved
""")

CONFIGURATION = fields("""
name string the setting's name
value string its value
defaultvalue string its value unless set
type string string, integer, float or boolean
category string what it is about
group string what it is about
scope string global, zone or account: whose own value it may have besides
id string the zone's or account's id, where one was asked for
isdynamic boolean whether it counts without a restart
description string what it does
""")


def job_views(rx: ReadTransaction, jobs: Sequence[records.Job]) -> list[Fields]:
    """Return jobs; every finished one has jobresult and jobresultcode (clients loop for ever without)."""
    whose = owners(rx, (job.account for job in jobs))
    return [
        {
            "jobid": job.id,
            "cmd": job.command,
            "jobstatus": int(job.status),
            "jobprocstatus": 0,
            "jobresultcode": job.result_code,
            "jobresulttype": "object" if job.status is not records.JobStatus.PENDING else None,
            "jobresult": cast("Fields", job.result or {}) if job.status is not records.JobStatus.PENDING else None,
            "jobinstancetype": job.instance_type,
            "jobinstanceid": job.instance,
            "accountid": job.account,
            **whose.get(job.account, {}),
            "userid": job.user,
            "created": stamp(job.created),
            "completed": stamp(job.completed),
        }
        for job in jobs
    ]


def event_views(rx: ReadTransaction, events: Sequence[records.Event]) -> list[Fields]:
    """Return events."""
    whose = owners(rx, (event.account for event in events if event.account))
    users = by_id(rx, records.User, (event.user for event in events))
    return [
        {
            "id": event.id,
            "type": event.type,
            "level": event.level,
            "description": event.description,
            "state": event.state,
            **whose.get(event.account or "", {}),
            "username": users[event.user].username if event.user in users else None,
            "resourceid": event.resource,
            "resourcetype": event.resource_type,
            "archived": event.archived,
            "created": stamp(event.created),
        }
        for event in events
    ]


def alert_views(alerts: Sequence[records.Alert]) -> list[Fields]:
    """Return alerts."""
    return [
        {
            "id": alert.id,
            "type": alert.type,
            "name": alert.name,
            "description": alert.description,
            "sent": stamp(alert.sent),
            "resolved": stamp(alert.resolved),
        }
        for alert in alerts
    ]


def configuration_views(rx: ReadTransaction, settings: Sequence[Setting], scope: Scope) -> list[Fields]:
    """Return settings, with the values of a zone or an account if one is given."""
    return [
        {
            "name": setting.name,
            "value": rx.setting(setting.name, scope.zone, scope.account),
            "defaultvalue": setting.default,
            "type": setting.type,
            "category": setting.category,
            "group": setting.group,
            "scope": setting.scopes[-1],
            "id": scope.zone or scope.account,
            "isdynamic": setting.dynamic,
            "description": setting.description,
        }
        for setting in settings
    ]

"""Jobs and their waits (law 9), the audit trail, alerts, settings."""

from __future__ import annotations

import time
import uuid

from vxloom.errors import RequestError
from vxloom.store import records as r
from vxloom.store import settings_catalogue
from vxloom.store.bindings import BindingTransaction
from vxloom.store.writing import PENDING

_SETTING_NAMES = uuid.UUID("7f1d1c52-4f0a-4f0e-9d4b-2f6a3c1b9e10")
"""Name space of settings' ids: one row per name and scope, whoever writes it first."""


class Transaction(BindingTransaction):
    """All a writer may do. Valid inside its ``with`` block only; short: never wait for anything inside."""

    # --- jobs

    def start_job(
        self,
        *,
        command: str,
        account: str,
        user: str,
        instance_type: str | None = None,
        instance: str | None = None,
        phase: str = "",
        context: dict[str, object] | None = None,
        deadline: float | None = None,
        zone: str | None = None,
    ) -> r.Job:
        """Insert a job. ``deadline``: Unix time; None: the setting ``vxloom.job.deadline`` (of ``zone``) from now."""
        return self.add(
            r.Job(
                command=command,
                account=account,
                user=user,
                instance_type=instance_type,
                instance=instance,
                phase=phase,
                context=context or {},
                deadline=self._deadline(deadline, zone),
            )
        )

    def _deadline(self, stated: float | None, zone: str | None) -> float:
        return time.time() + self.setting_float("vxloom.job.deadline", zone) if stated is None else stated

    def wait_host(self, job_id: str, host_id: str, role: r.WaitRole) -> None:
        """Have a job wait until a host acknowledges its document as of this commit. Marks the document as changed."""
        host = self.get(r.Host, host_id)
        if host is None:
            raise LookupError(f"no host {host_id}")
        self.touch_host(host_id)
        self._wait(job_id, host, role, r.WaitKind.HOST, host_id)

    def wait_segment(self, job_id: str, host_id: str, role: r.WaitRole, network_id: str) -> None:
        """Have a job wait until a host acknowledges a segment's table as of this commit. Marks the segment as changed.

        Raises :class:`LookupError` when the network has no VNI: then nobody is sent a table, and nobody would answer.
        """
        host, network = self.get(r.Host, host_id), self.get(r.Network, network_id)
        if host is None or network is None or network.vni is None:
            raise LookupError(f"no host {host_id}, or no VNI in network {network_id}")
        self.touch_segment(network_id)
        self._wait(job_id, host, role, r.WaitKind.SEGMENT, str(network.vni))

    def _wait(self, job_id: str, host: r.Host, role: r.WaitRole, kind: r.WaitKind, key: str) -> None:
        known = self.one(r.JobWait, job=job_id, host=host.id, kind=kind, key=key)
        if known is None:
            known = self.add(r.JobWait(job=job_id, host=host.id, role=role, kind=kind, key=key, revision=PENDING))
        elif known.role != r.WaitRole.MUST or known.acked:
            stronger = r.WaitRole.MUST if r.WaitRole.MUST in {known.role, role} else role
            self.update(r.JobWait, known.id, role=stronger, acked=False, revision=PENDING)
        self._stamp(host.zone, r.JobWait, "revision", known.id)

    def next_phase(
        self,
        job_id: str,
        phase: str,
        *,
        context: dict[str, object] | None = None,
        deadline: float | None = None,
        zone: str | None = None,
    ) -> r.Job:
        """Move a job to its next phase, with a new deadline and no waits. ``context`` None: kept."""
        self.delete_where(r.JobWait, job=job_id)
        kept: dict[str, object] = {} if context is None else {"context": context}
        return self.update(r.Job, job_id, phase=phase, deadline=self._deadline(deadline, zone), **kept)

    def finish_job(self, job_id: str, result: dict[str, object], *, failed: bool = False, code: int = 0) -> r.Job:
        """End a job. A job that has ended stays as it is."""
        job = self.get(r.Job, job_id)
        if job is None:
            raise LookupError(f"no job {job_id}")
        if job.status != r.JobStatus.PENDING:
            return job
        self.delete_where(r.JobWait, job=job_id)
        status = r.JobStatus.FAILED if failed else r.JobStatus.DONE
        return self.update(
            r.Job, job_id, status=status, result=result, result_code=code or (530 if failed else 0), completed=time.time(), deadline=None
        )

    # --- audit trail, alerts

    def event(
        self,
        type: str,  # noqa: A002 - CloudStack's word
        description: str,
        *,
        level: str = "INFO",
        account: str | None = None,
        user: str | None = None,
        resource_type: str | None = None,
        resource: str | None = None,
        state: str = "Completed",
        job: str | None = None,
    ) -> r.Event:
        """Write an event: who did what to which object."""
        return self.add(
            r.Event(
                type=type,
                description=description,
                level=level,
                account=account,
                user=user,
                resource_type=resource_type,
                resource=resource,
                state=state,
                job=job,
            )
        )

    def alert(self, name: str, subject: str, description: str, *, type: int = 0) -> r.Alert:  # noqa: A002 - CloudStack's word
        """Raise an alert, or renew the text of the open one of this name and subject."""
        known = self.one(r.Alert, name=name, subject=subject, resolved=None)
        if known is None:
            return self.add(r.Alert(type=type, name=name, subject=subject, description=description))
        return known if known.description == description else self.update(r.Alert, known.id, description=description)

    def resolve_alert(self, name: str, subject: str) -> None:
        """Close the open alert of this name and subject, if there is one."""
        known = self.one(r.Alert, name=name, subject=subject, resolved=None)
        if known is not None:
            self.update(r.Alert, known.id, resolved=time.time())

    # --- settings

    def set_setting(self, name: str, value: str, zone: str | None = None, account: str | None = None) -> r.Configuration:
        """Give a setting a value, globally, in a zone or for an account.

        Raises :class:`RequestError` 431: unknown, ill-typed, or not of that scope.
        """
        declared = settings_catalogue.declared(name)
        value = declared.normal(value)
        if problem := declared.problem(value):
            raise RequestError(problem)
        declared.require_scopes(zone=zone, account=account)
        self._tell_of(declared, zone)
        key = str(uuid.uuid5(_SETTING_NAMES, f"{declared.name}@{zone or account or ''}"))
        if self.get(r.Configuration, key) is None:
            return self.add(r.Configuration(id=key, name=declared.name, zone=zone, account=account, value=value))
        return self.update(r.Configuration, key, value=value, updated=time.time())

    def reset_setting(self, name: str, zone: str | None = None, account: str | None = None) -> None:
        """Return a setting to its default (of a zone or account: to the global value).

        Raises :class:`RequestError` 431: unknown, or not of that scope.
        """
        declared = settings_catalogue.declared(name)
        declared.require_scopes(zone=zone, account=account)
        self._tell_of(declared, zone)
        self.delete_where(r.Configuration, name=declared.name, zone=zone, account=account)

    def _tell_of(self, declared: settings_catalogue.Setting, zone: str | None) -> None:
        """Mark the documents of all hosts (of a zone) as changed, if the setting is told to hosts."""
        if declared.told:
            for host in self.all(r.Host, zone=zone) if zone else self.all(r.Host):
                self.touch_host(host.id)

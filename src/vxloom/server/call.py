"""One call: who asks, what for, and what a command has at hand to answer it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vxloom.server.fleet import Fleet
from vxloom.server.parameters import Arguments
from vxloom.server.responses import Fields, without_none
from vxloom.store import ReadTransaction, Store, Transaction, records


@dataclass(frozen=True, slots=True)
class Caller:
    """The user whose key signed the request."""

    user: records.User
    account: records.Account
    domain: records.Domain

    @property
    def root(self) -> bool:
        """Whether the caller may do everything."""
        return self.account.type is records.AccountType.ROOT_ADMIN

    @property
    def domain_admin(self) -> bool:
        """Whether the caller may act for the accounts of its domain and of those below."""
        return self.account.type is records.AccountType.DOMAIN_ADMIN


@dataclass(frozen=True, slots=True)
class Call:
    """What a command gets."""

    command: str
    arguments: Arguments
    caller: Caller
    store: Store
    fleet: Fleet

    @contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """Open a consistent view of the store."""
        with self.store.read() as rx:
            yield rx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open the one transaction of a command that changes something, in the caller's name."""
        with self.store.write(self.caller.user.username) as tx:
            yield tx

    def event(self, tx: Transaction, kind: str, description: str, resource_type: str = "", resource: str = "", **more: str) -> None:
        """Leave an entry in the audit trail: the caller did this to that object."""
        tx.event(
            kind,
            description,
            account=self.caller.account.id,
            user=self.caller.user.id,
            resource_type=resource_type or None,
            resource=resource or None,
            **more,
        )

    def finished_job(self, tx: Transaction, kind: str, instance: str, result: Fields) -> Fields:
        """Return the answer of an asynchronous command that has no host to wait for: its job ends in the transaction that made it."""
        job = tx.start_job(
            command=self.command, account=self.caller.account.id, user=self.caller.user.id, instance_type=kind, instance=instance
        )
        tx.finish_job(job.id, dict(without_none(result)))
        return {"jobid": job.id}

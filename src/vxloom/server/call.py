"""One call: who asks, what for, and what a command has at hand to answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from vxloom.server.fleet import Fleet
from vxloom.server.parameters import Arguments
from vxloom.server.responses import Fields, without_none
from vxloom.server.roles import Rule
from vxloom.server.visit import Visit
from vxloom.store import ReadTransaction, Store, Transaction, records

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """The user whose key signed the request."""

    user: records.User
    account: records.Account
    domain: records.Domain
    rules: tuple[Rule, ...] | None = None
    """What its role's rules say, the first that fits decides; None: the role is a default one, and its type says it all."""

    @property
    def root(self) -> bool:
        """Whether the caller may do everything."""
        return self.account.type is records.AccountType.ROOT_ADMIN

    @property
    def domain_admin(self) -> bool:
        """Whether the caller may act for the accounts of its domain and of those below."""
        return self.account.type is records.AccountType.DOMAIN_ADMIN


NOBODY = Caller(records.User(username="(nobody)", account=""), records.Account(name="", domain=""), records.Domain(name="", path=""))
"""Who calls a command that is answered without a signature: nobody, who may nothing."""


@dataclass(slots=True)
class _Shared:
    """The one transaction of a call that is remembered with its answer, and what is to be done when it is committed."""

    tx: Transaction | None = None
    failed: BaseException | None = None
    """What went wrong within :meth:`Call.write`: then nothing is kept, even if the command went on."""
    later: list[Callable[[], object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """What a command gets."""

    command: str
    arguments: Arguments
    caller: Caller
    store: Store
    fleet: Fleet
    visit: Visit = field(default_factory=Visit)

    _shared: _Shared = field(default_factory=_Shared)

    @contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """Open a consistent view of the store."""
        if self._shared.tx is not None:
            yield self._shared.tx
            return
        with self.store.read() as rx:
            yield rx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open the one transaction of a command that changes something, in the caller's name.

        Within :meth:`whole` it is that one, which is committed later: what must come after the commit is for :meth:`after_commit`.
        """
        if self._shared.tx is not None:
            try:
                yield self._shared.tx
            except BaseException as error:
                self._shared.failed = error
                raise
            return
        with self.store.write(self.caller.user.username) as tx:
            yield tx
        self._committed()

    @contextmanager
    def whole(self) -> Iterator[Transaction]:
        """Make all the command reads and writes one transaction, which ends with this block."""
        with self.store.write(self.caller.user.username) as tx:
            self._shared.tx = tx
            try:
                yield tx
            finally:
                self._shared.tx = None
            if self._shared.failed is not None:
                raise self._shared.failed
        self._committed()

    def after_commit(self, action: Callable[[], object]) -> None:
        """Have something done once the transaction at hand is committed: what the store cannot take back. A failure goes into the log."""
        self._shared.later.append(action)

    def _committed(self) -> None:
        while self._shared.later:
            action = self._shared.later.pop(0)
            try:
                action()
            except Exception:  # noqa: BLE001 - the commit stands; the command must not look failed to its caller
                _log.exception("what was to follow a commit failed", command=self.command)

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

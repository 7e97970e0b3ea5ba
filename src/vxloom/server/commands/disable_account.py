"""disableAccount."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import closing, people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import ACCOUNT, account_views
from vxloom.server.waiting import Step
from vxloom.store import records


class DisableAccount(Command):
    """Disables an account: its keys and sessions stop at once, and its machines are stopped. With ``lock=true`` they go on.

    The job fails where a host does not say in time that its machines stopped; they are in Error then, and the account is disabled.
    """

    name = "disableAccount"
    asynchronous = True
    for_domain_admins = True
    parameters = (
        Parameter("lock", Kind.BOOLEAN, "true: only nobody may act for it, its machines go on", required=True),
        *people.ACCOUNT_NAMED,
    )
    answer = ACCOUNT
    example = "disableAccount id=ID lock=false"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            account = people.account_named(call, tx)
            people.refuse_own_end(call, account, "disable")
            lock = call.arguments.flag("lock")
            account = tx.update(records.Account, account.id, state="locked" if lock else "disabled")
            people.end_sessions(tx, {"account": account.id})
            call.event(tx, "ACCOUNT.DISABLE", f"{'Locked' if lock else 'Disabled'} account {account.name}", "Account", account.id)
            if lock:
                return call.finished_job(tx, "Account", account.id, one("account", account_views(tx, [account])[0]))
            return {"jobid": closing.begin_stop(call, tx, [account.id], "Account", account.id).id}

    def advance(self, step: Step) -> None:
        """Done, once its machines' hosts said so."""
        account = step.tx.get(records.Account, step.job.instance or "")
        result = one("account", account_views(step.tx, [account])[0]) if account else {}
        closing.finish_stop(step, result, f"The account {account.name if account else 'that was removed meanwhile'} is disabled")

"""From a request's parameters to an answer: whose is it, which command, are its arguments right, what came of it.

The order matters: nobody learns anything (not even which commands there are) before the signature was found right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from vxloom.errors import IntentError, RequestError, TransportError, VxloomError
from vxloom.server import parameters, repetition, responses, sessions, signature, untaken
from vxloom.server.call import NOBODY, Call, Caller
from vxloom.server.callers import Credentials, credentials_of
from vxloom.server.command import QUESTIONS, Command, find, registry
from vxloom.server.fleet import Fleet
from vxloom.server.responses import Fields, Reply
from vxloom.server.visit import Visit
from vxloom.store import Store

Pair = tuple[str, str]
_log = structlog.get_logger(__name__)
_UNKNOWN_WRAPPER = "errorresponse"
_UNFORESEEN = RequestError("Internal error executing command, please contact your system administrator", code=530, cs_code=9999)


def answer(
    pairs: Sequence[Pair], *, store: Store, fleet: Fleet, visit: Visit | None = None, begun: Callable[[], None] = lambda: None
) -> Reply:
    """Return the answer to a request's parameters (query first, then form, decoded). Never raises; runs in a worker thread.

    ``begun`` is called when a job was made: the jobs' runner is to look at once.
    """
    visit = visit or Visit()
    outer = {name.lower(): value for name, value in reversed(pairs)}
    json = outer.get("response", "").lower() == "json"
    name = outer.get("command", "")
    started = time.monotonic()
    try:
        caller = NOBODY if _unsigned(name) else authenticate(pairs, outer, store, visit)
        command = find(name)
        content = _run(command, pairs, caller, store, fleet, visit)
        status = 200
        if command.asynchronous:
            begun()
    except RequestError as error:
        content, status = responses.failure(error), error.code
    except VxloomError as error:
        content, status = responses.failure(_translated(error)), _translated(error).code
    except Exception:  # noqa: BLE001 - where anything unforeseen ends: its traceback in the log, one line at the client
        _log.exception("command failed", command=name)
        content, status = responses.failure(_UNFORESEEN), _UNFORESEEN.code
    # Questions come many a second (clients poll jobs): only changes and refusals are worth a line.
    say = _log.debug if status == 200 and name.startswith(QUESTIONS) else _log.info
    say("command", command=name[:80], status=status, milliseconds=round((time.monotonic() - started) * 1000, 1))
    return responses.reply(_wrapper(name, status), content, json=json, status=status, cookies=visit.answered)


def _unsigned(name: str) -> bool:
    command = registry().get(name)
    return command is not None and command.unsigned


def authenticate(pairs: Sequence[Pair], outer: dict[str, str], store: Store, visit: Visit) -> Caller:
    """Return who signed the request, or is in its session; raises the one refusal (401) for everybody else.

    Refused are a missing or unknown key, a wrong signature, an expired request, a session that is stale or another's. With
    the setting ``enforce.post.requests.and.timestamps`` changes must be posted (405) and every signed request must expire soon.
    """
    key, given = outer.get("apikey", ""), outer.get("signature", "")
    if not (key or given) and sessions.COOKIE in visit.cookies:
        caller, strict = sessions.caller_in(store, visit.cookies, outer.get(sessions.KEY, ""))
        _refuse_unposted(outer, visit, strict=strict)
        return caller
    found: Credentials | None = credentials_of(store, key) if key and given else None
    if found is None or not signature.verify(_distinct(pairs), given, found.secret):
        raise signature.refusal()
    version, strict = outer.get("signatureversion", ""), found.strict
    signature.check_expiry("3" if strict else version, outer.get("expires", ""), datetime.now(UTC), soon=strict)
    _refuse_unposted(outer, visit, strict=strict)
    return found.caller


def _refuse_unposted(outer: dict[str, str], visit: Visit, *, strict: bool) -> None:
    if strict and not visit.posted and not outer.get("command", "").startswith(QUESTIONS):
        raise RequestError("Changes must be sent by POST", code=405, cs_code=9999, remedy="see enforce.post.requests.and.timestamps")


def _run(command: Command, pairs: Sequence[Pair], caller: Caller, store: Store, fleet: Fleet, visit: Visit) -> Fields:
    if not (command.unsigned or command.allows(caller)):
        raise RequestError(
            f"The API [{command.name}] does not exist or is not available for user {caller.user.username}", code=401, cs_code=4365
        )
    given = parameters.collect(pairs)
    if command.answers_secret:
        repetition.refuse_keys(given)
    untaken.refuse(command.name, given)
    checked = parameters.check(command.name, command.takes, given)
    call = Call(command.name, checked, caller, store, fleet, visit)
    keys = () if command.asks or command.unsigned else repetition.keys_of(checked)
    content = repetition.once(call, keys, command.run) if keys else command.run(call)
    return {} if untaken.fits_nothing(command.name, given) else content


def _distinct(pairs: Sequence[Pair]) -> list[Pair]:
    """Return each name once, its first value: what the real server takes from query and form together."""
    return list({name: (name, value) for name, value in reversed(pairs)}.values())


def _translated(error: VxloomError) -> RequestError:
    """Our own errors as the client is to see them: contradictory intent is the caller's, a host that cannot be
    asked is unavailable (534), anything else is ours.
    """
    if isinstance(error, IntentError):
        return RequestError(error.message, remedy=error.remedy)
    if isinstance(error, TransportError):
        return RequestError(error.message, code=534, cs_code=4250, remedy=error.remedy)
    return RequestError(error.message, code=530, cs_code=4250, remedy=error.remedy)


def _wrapper(name: str, status: int) -> str:
    """Return the key around an answer: the command's own, ``errorresponse`` for what is no command."""
    command = registry().get(name) if status != 432 else None
    return _UNKNOWN_WRAPPER if command is None else command.wrapper or f"{name.lower()}response"
